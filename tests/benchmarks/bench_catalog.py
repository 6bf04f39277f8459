"""A catalog of 10,000 models in 200 providers: `python tests/benchmarks/bench_catalog.py [--write]`.

Checked by `catalog validate` beside check-jsonschema, in turns; compiled cold and after one edit; and published by a
running gateway after one edit. check-jsonschema is not among our dependencies: name its executable in CHECK_JSONSCHEMA
to have it run over the same files with the same schemas, a process for each kind and 5,000 files.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))  # the harness of the system tests

from harness.served import Served, wait_for  # noqa: E402
from rig import cpu_seconds, machine, median, publish, spread, table  # noqa: E402

from engine.catalog.compile import Compiler  # noqa: E402
from engine.catalog.snapshot import Encoder, Snapshot  # noqa: E402
from engine.publication import KEPT_SNAPSHOTS  # noqa: E402
from engine.shipped import shipped  # noqa: E402
from engine.sources.directory import DirectorySource  # noqa: E402
from engine.tree import Tree, blob_id  # noqa: E402

MODELS, PROVIDERS, EDITS = 10_000, 200, 12
EDITED = "models/p005/model-05005.yaml"
FOLDERS = (("catalog", "catalog.yaml"), ("provider", "providers"), ("key", "keys"), ("model", "models"))

MODEL = """\
description: Support triage, fine-tuned on tickets {n}
type: custom
upstream_model: acme-support-{n:05}
aliases: [support-bot-{n}]
pricing:
  - from: 2026-10-01T00:00:00Z
    input_mtok: "0.20"
    cache_read_mtok: "0.05"
    output_mtok: "0.80"
owner: team-{team}
labels: {{env: prod, tier: gold}}
supports: {{stream_usage: true, tools: true, vision: false}}
limits: {{context_window: 128000, max_output_tokens: 32768, over_limit: refuse}}
defaults: {{temperature: 0.2}}
"""


def write(root: Path) -> None:
    """The catalog."""
    (root / "catalog.yaml").write_text("format: 1\n")
    (root / "providers").mkdir()
    (root / "keys").mkdir()
    for p in range(PROVIDERS):
        text = f"description: Server {p}\napi: openai-compatible\nbase_url: https://llm{p}.acme.internal:8443/v1\n"
        (root / f"providers/p{p:03}.yaml").write_text(text)
        (root / f"models/p{p:03}").mkdir(parents=True)
    for n in range(MODELS):
        (root / f"models/p{n % PROVIDERS:03}/model-{n:05}.yaml").write_text(MODEL.format(n=n, team=n % 40))
    for k in range(50):
        (root / f"keys/k{k}.yaml").write_text(f'owner: team-{k % 40}\nkey_sha256: "{k:064x}"\nmodels: ["@p{k:03}/*"]\n')


def timed(commands: list[list[str]]) -> tuple[float, float]:
    """Wall and CPU time of processes, one after another, in milliseconds; they must say that all is well."""
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    for command in commands:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return 1e3 * (time.perf_counter() - began), 1e3 * cpu


def validate(root: Path, rounds: int) -> str:
    """`catalog validate` beside check-jsonschema, in turns, and its peak memory."""
    ours = [[Path(sys.executable).with_name("catalog").as_posix(), "validate", root.as_posix()]]
    other = os.environ.get("CHECK_JSONSCHEMA")
    theirs = [] if other is None else list(_theirs(other, root))
    mine, peak, others = [], 0.0, []
    for number in range(rounds):
        mine.append(timed(ours))
        if number == 0:
            peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024  # the largest child until now
        if theirs:
            others.append(timed(theirs))
    rows = [_row("`catalog validate`: compiled, all rules, positions", mine, f"{peak:.0f} MB")]
    if not others:
        return table(HEAD, rows) + "\n\ncheck-jsonschema was not measured: CHECK_JSONSCHEMA did not name it."
    rows.append(_row("check-jsonschema: the schemas alone", others, ""))
    ratios = [[b[index] / a[index] for a, b in zip(mine, others, strict=True)] for index in (0, 1)]
    told = f"check-jsonschema takes **{median(ratios[0]):.0f} times** as long"
    told += f" ({median(ratios[1]):.0f} times the CPU; median of the rounds, each a ratio of its own; least {min(ratios[0]):.1f})."
    return f"{table(HEAD, rows)}\n\n{told}"


HEAD = (
    "10,001 documents and more, checked from the start of the process",
    "wall, median",
    "rounds",
    "CPU",
    "peak memory",
)


def _row(name: str, times: list[tuple[float, float]], memory: str) -> tuple[str, ...]:
    wall, cpu = ([each[index] for each in times] for index in (0, 1))
    return (name, f"**{median(wall) / 1e3:.2f} s**", spread(wall), f"{median(cpu) / 1e3:.2f} s", memory)


def _theirs(executable: str, root: Path) -> list[list[str]]:
    commands = []
    for kind, folder in FOLDERS:
        schema, named = (shipped("schemas") / f"{kind}.schema.json").as_posix(), root / folder
        files = [named] if named.is_file() else sorted(named.rglob("*.yaml"))
        for start in range(0, len(files), 5_000):  # the system limits how long a command line may be
            part = [path.as_posix() for path in files[start : start + 5_000]]
            commands.append([executable, "--schemafile", schema, *part])
    return commands


def in_process(root: Path) -> str:
    """The compiler itself, cold and warm."""
    tree, *reading = _clocked(DirectorySource(root).read)
    compiler, encoder = Compiler(), Encoder()
    catalog, *cold = _clocked(lambda: compiler.compile(tree).catalog)
    artifact, *encoding = _clocked(lambda: encoder.encode(catalog))
    compiled, encoded = [], []
    for edit in range(EDITS):
        data = tree.files[EDITED].replace(b'"0.80"', b'"0.9%02d"' % edit)
        files, blobs = tree.files | {EDITED: data}, tree.blobs | {EDITED: blob_id(data)}
        edited = Tree(revision=f"edit {edit}", files=files, blobs=blobs)
        catalog, *took = _clocked(lambda edited=edited: compiler.compile(edited).catalog)
        assert catalog is not None
        compiled.append(tuple(took))
        artifact, *took = _clocked(lambda catalog=catalog: encoder.encode(catalog))
        encoded.append(tuple(took))
    _, *decoding = _clocked(lambda: Snapshot.decode(artifact, digest="0" * 64))
    steps = {
        "reading the directory, twice alike": [tuple(reading)],
        "compiling, cold": [tuple(cold)],
        f"encoding, cold ({len(artifact) / 2**20:.0f} MiB)": [tuple(encoding)],
        f"compiling after one edit (median of {EDITS})": compiled,
        f"encoding after one edit (median of {EDITS})": encoded,
        "decoding in a worker": [tuple(decoding)],
    }
    rows = [
        (name, *(f"{median([each[index] for each in times]):.0f} ms" for index in (0, 1)))
        for name, times in steps.items()
    ]
    return table(("in one process", "wall", "CPU"), rows)


def _clocked(work):
    """What it gives, and its wall and CPU time in milliseconds."""
    began, used = time.perf_counter(), time.process_time()
    found = work()
    return found, 1e3 * (time.perf_counter() - began), 1e3 * (time.process_time() - used)


def in_control(root: Path, state: Path) -> str:
    """`catalog serve` on the repository and on the directory: one file is edited, again and again."""
    git = ["git", "-C", str(root.parent), "-c", "user.name=x", "-c", "user.email=x@example.invalid"]
    for command in (["init", "-q", "-b", "main"], ["add", root.name], ["commit", "-q", "-m", "begin"]):
        subprocess.run([*git, *command], check=True)

    def commit() -> None:
        subprocess.run([*git, "commit", "-q", "-a", "-m", "edit"], check=True)

    rows, used, resident = [], {}, 0.0
    for name, source, after in (
        ("a commit", ("--repo", str(root.parent)), commit),
        ("a directory", ("--catalog", str(root)), lambda: None),
    ):
        found, cpu, peak = _edited(root, source, state.with_name(f"state-{source[0]}"), after)
        published = [each["duration_ms"] - each["reading_ms"] for each in found]
        for what, times, aim in (
            (f"{name}: compiled, encoded and published", published, "< 150 ms"),
            (f"{name}: reading it before that", [each["reading_ms"] for each in found], ""),
        ):
            rows.append((what, f"**{median(times):.0f} ms**", f"{min(times):.0f} ms", spread(times), aim))
        used[name], resident = cpu, max(resident, peak)
    head = ("one edited file of 10,000 in `catalog serve`", "wall, median", "fastest", "rounds", "aim")
    told = " and ".join(f"{cpu:.0f} ms for {name}" for name, cpu in used.items())
    told = f"Control used of the CPU an edit: {told}. Its peak memory was {resident:.0f} MB (aim: < 400 MB)."
    return f"{table(head, rows)}\n\n{told}"


def _edited(
    root: Path, source: tuple[str, str], state: Path, after: Callable[[], None]
) -> tuple[list[dict[str, Any]], float, float]:
    """What control says of each publication; its CPU milliseconds an edit (median), and its peak memory in MB."""
    original, found, used = (root / EDITED).read_text(), [], []
    with Served(source, state) as gateway:
        (control,) = gateway.children("control.process")
        for edit in range(-KEPT_SNAPSHOTS, EDITS):
            seq, before = _published(state), cpu_seconds(control)
            (root / EDITED).write_text(original.replace("description: ", f"description: {source[0]} {edit + 10:02} "))
            after()
            wait_for(lambda seq=seq: _published(state) > seq, seconds=30)  # asking control would take of its time
            time.sleep(0.2)
            if edit >= 0:  # until then, no old snapshot leaves its room to a new one
                used.append(1e3 * (cpu_seconds(control) - before))
                found.append(gateway.status()["last_reload"])
            time.sleep(1)
        resident = int(Path(f"/proc/{control}/status").read_text().partition("VmHWM:")[2].split()[0]) / 1024
    (root / EDITED).write_text(original)
    return found, median(used), resident


def _published(state: Path) -> int:
    """The number of what is published."""
    return int(json.loads((state / "current").read_bytes())["seq"])


def main() -> None:
    """Measure."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--write", action="store_true", help="put the tables into docs/figures.md")
    options.add_argument("--rounds", type=int, default=3, help="of validate and check-jsonschema")
    options.add_argument(
        "--only", choices=("validate", "compiler", "control"), help="measure one part, and write nothing"
    )
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory) / "catalog"
        root.mkdir()
        write(root)
        measures = {
            "validate": lambda: validate(root, chosen.rounds),
            "compiler": lambda: in_process(root),
            "control": lambda: in_control(root, Path(directory) / "state"),
        }
        parts = [measure() for name, measure in measures.items() if chosen.only in (None, name)]
    publish("catalog", "\n\n".join([*parts, machine()]), write=chosen.write and not chosen.only)


if __name__ == "__main__":
    main()
