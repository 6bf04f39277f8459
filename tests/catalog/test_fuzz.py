"""Mutated input: never a crash, a hang or a traceback; and two validators that agree.

FUZZ_COUNT says how many mutated YAML inputs there are; `make fuzz` takes 100,000, and 5,000 documents for the validators.
"""

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.catalog.compile import compile_catalog
from engine.catalog.layout import lay_out
from engine.catalog.reading import read_yaml
from engine.catalog.schema import KINDS, check
from engine.tree import Tree, blob_id

HERE = Path(__file__).parent
MINIMAL = HERE / "good" / "minimal"
COUNT = int(os.environ.get("FUZZ_COUNT", "2000"))
LONGEST_S = 1.0
TOKENS = [
    b"[", b"]", b"{", b"}", b": ", b"- ", b"? ", b"&a ", b"*a", b"!!str ", b"<<: ", b"---\n", b"...\n", b"%TAG ! x\n", b"|", b">", b"'", b'"',
    b"\\", b"\n", b"\n  ", b"\t", b"#", b"@", b"`", b"\x00", b"\xff", b"\xef\xbb\xbf", "\u2028".encode(), "\u202e".encode(), b"\xed\xa0\x80",
    b"1e999", b".nan", b"0o17", b"017", b"true", b"no", b"~", b"9" * 70, b"[" * 500, b'{"a":' * 200, b"- " * 300, b"a" * 5000, b"${X}", b"$ref",
    b"remove: true\n", b"accept: {unpriced: x}\n", b"pricing: inherit\n", b'base_model: "@local/tiny"\n', b"sk-abcdefghijklmnopqrstu", b"from: ",
    b"tiers: [{above_input_tokens: 1}]\n", b"when: {}\n", b'"0"', b"2026-02-30T00:00:00Z", "ﬁﬀ".encode(), "рaypal".encode(),
]  # fmt: skip


def seeds():
    paths = [path for path in sorted(HERE.rglob("*.yaml")) if path.is_file() and path.name != "gateway.yaml"]
    return [(inside(path), path.read_bytes()) for path in paths if path.stat().st_size < 20_000]


def inside(path):
    """The path below its example's folder."""
    return Path(*path.relative_to(HERE).parts[2:]).as_posix()


def mutate(data, others, dice):
    for _ in range(dice.randint(1, 6)):
        at = dice.randint(0, len(data))
        end = min(len(data), at + dice.randint(0, 20))
        match dice.randint(0, 5):
            case 0:
                data = data[:at] + data[end:]
            case 1:
                data = data[:at] + dice.choice(TOKENS) + data[at:]
            case 2:
                data = data[:at] + bytes([dice.randrange(256)]) + data[at + 1 :]
            case 3:
                data = data[:at] + data[at:end] * dice.choice([2, 3, 50]) + data[end:]
            case 4:
                other = dice.choice(others)[1]
                start = dice.randint(0, len(other))
                data = data[:at] + other[start : start + dice.randint(1, 200)] + data[at:]
            case _:
                data = data[:at] + dice.choice(TOKENS) + data[end:]
    return data


def fuzz(seed, count):
    """What went wrong, as (error, path, data); and the longest CPU time in seconds, and how many catalogs were right."""
    dice, inputs = random.Random(seed), seeds()
    base = {path.relative_to(MINIMAL).as_posix(): path.read_bytes() for path in MINIMAL.rglob("*.*") if path.is_file()}
    del base["expected.json"]
    slowest, right = 0.0, 0
    for number in range(count):
        path, data = dice.choice(inputs)
        data = mutate(data, inputs, dice)
        began = time.process_time()  # what other programs do on this machine is no hang of ours
        try:
            right += judge(path, data, base, whole=number % 4 == 0)
        except Exception as error:  # whatever it is, it is a finding
            return {"failed": f"{type(error).__name__}: {error}", "path": path, "data": repr(data)}
        slowest = max(slowest, time.process_time() - began)
    return {"slowest": slowest, "right": right}


def judge(path, data, base, *, whole):
    """Whether a file is right, alone or inside a catalog."""
    if whole:
        files = base | {path: data}
        tree = Tree(revision="f", files=files, blobs={name: blob_id(text) for name, text in files.items()})
        environment = path.split("/")[1] if path.startswith("environments/") else None
        return compile_catalog(tree, environment=environment).catalog is not None
    document = read_yaml(data, path).document
    kind = next((place.kind for place in lay_out((path,)).places if place.kind != "lock"), "model")
    return document is not None and not check(kind, document)


@pytest.mark.timeout(3600)
def test_no_mutated_input_crashes_hangs_or_escapes():
    """In processes of their own, so that even a crash of the parser is a failed test and not a dead test run."""
    workers = 2 if COUNT > 10_000 else 1
    command = [sys.executable, __file__]
    environ = os.environ | {"PYTHONPATH": str(HERE.parent.parent)}
    started = [
        subprocess.Popen([*command, f"fuzz {n}", str(COUNT // workers)], stdout=subprocess.PIPE, env=environ)
        for n in range(workers)
    ]
    for process in started:
        said, _ = process.communicate()
        assert process.returncode == 0, f"the reader killed its process: {process.returncode}"
        result = json.loads(said)
        assert "failed" not in result, result
        assert result["slowest"] < LONGEST_S
        assert result["right"], "no mutation left anything right: it shows too little"


PIECES = st.one_of(
    st.sampled_from(TOKENS),
    st.binary(max_size=8),
    st.text(max_size=8).map(lambda text: text.encode("utf-8", "surrogatepass")),
)
EDITS = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 12), PIECES), min_size=1, max_size=6)


@settings(max_examples=max(60, COUNT // 20), deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(seeds()), EDITS)
def test_no_edited_file_crashes_the_reader(seed, edits):
    """As the one above, by hypothesis: what it finds it makes small."""
    path, data = seed
    for place, length, piece in edits:
        at = int(place * len(data))
        data = data[:at] + piece + data[at + length :]
    began = time.process_time()
    judge(path, data, {}, whole=False)
    assert time.process_time() - began < LONGEST_S


@pytest.mark.parametrize("kind", KINDS)
def test_two_validators_never_disagree(kind):
    """The reference implementation gives the same verdict on generated and mutated documents."""
    from engine.catalog.explain import _validator
    from engine.catalog.schema import is_valid

    dice = random.Random(f"validators {kind}")
    inputs = seeds()
    own = [data for path, data in inputs if any(place.kind == kind for place in lay_out((path,)).places)]
    judged = refused = 0
    while judged < max(60, min(COUNT // 20, 800)):
        document = read_yaml(mutate(dice.choice(own), inputs, dice), "f.yaml").document
        if document is None:
            continue
        judged += 1
        verdict = is_valid(kind, document.value)
        refused += not verdict
        assert verdict == _validator(kind).is_valid(document.value), document.value
    assert 0 < refused < judged


if __name__ == "__main__":
    sys.stdout.write(json.dumps(fuzz(sys.argv[1], int(sys.argv[2]))))
