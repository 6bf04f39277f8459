# ruff: noqa: T201 - a script, it prints
"""A catalog of 10,000 models in 200 providers: checked cold, after one edit, and beside check-jsonschema.

Prints what it measures. check-jsonschema is not among our dependencies: name its executable in CHECK_JSONSCHEMA to have
it run over the same files with the same schemas, a process for each kind.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from engine.catalog.compile import Compiler
from engine.catalog.snapshot import Encoder, Snapshot
from engine.shipped import shipped
from engine.sources.directory import DirectorySource
from engine.tree import Tree, blob_id

MODELS, PROVIDERS, EDITS = 10_000, 200, 12

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


def timed(command: list[str]) -> float:
    """Wall time of a process in seconds; it must say that all is well."""
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def in_process(root: Path) -> None:
    """The compiler itself, cold and warm."""
    began = time.perf_counter()
    tree = DirectorySource(root).read()
    print(f"reading the directory     {1e3 * (time.perf_counter() - began):8.0f} ms")
    compiler, encoder = Compiler(), Encoder()
    began = time.perf_counter()
    catalog = compiler.compile(tree).catalog
    print(f"compiling, cold           {1e3 * (time.perf_counter() - began):8.0f} ms")
    assert catalog is not None
    began = time.perf_counter()
    artifact = encoder.encode(catalog)
    print(f"encoding, cold            {1e3 * (time.perf_counter() - began):8.0f} ms, {len(artifact) / 2**20:.1f} MiB")
    path, compiled, encoded = "models/p005/model-05005.yaml", [], []
    for edit in range(EDITS):
        data = tree.files[path].replace(b'"0.80"', b'"0.9%02d"' % edit)
        files, blobs = tree.files | {path: data}, tree.blobs | {path: blob_id(data)}
        began = time.perf_counter()
        catalog = compiler.compile(Tree(revision=f"edit {edit}", files=files, blobs=blobs)).catalog
        compiled.append(1e3 * (time.perf_counter() - began))
        assert catalog is not None
        began = time.perf_counter()
        artifact = encoder.encode(catalog)
        encoded.append(1e3 * (time.perf_counter() - began))
    print(
        f"compiling after one edit  {sorted(compiled)[EDITS // 2]:8.0f} ms (median of {EDITS}, worst {max(compiled):.0f})"
    )
    print(
        f"encoding after one edit   {sorted(encoded)[EDITS // 2]:8.0f} ms (median of {EDITS}, worst {max(encoded):.0f})"
    )
    began = time.perf_counter()
    Snapshot.decode(artifact, digest="0" * 64)
    print(f"decoding in a worker      {1e3 * (time.perf_counter() - began):8.1f} ms")


def beside(root: Path) -> None:
    """`catalog validate` beside check-jsonschema, in turns."""
    ours = [Path(sys.executable).with_name("catalog").as_posix(), "validate", root.as_posix()]
    times = [timed(ours) for _ in range(3)]
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"catalog validate          {1e3 * min(times):8.0f} ms (best of 3), peak memory {peak:.0f} MiB")
    other = os.environ.get("CHECK_JSONSCHEMA")
    if other is None:
        print("check-jsonschema          not measured: CHECK_JSONSCHEMA does not name it")
        return
    theirs = 0.0
    for kind, folder in (("catalog", "catalog.yaml"), ("provider", "providers"), ("key", "keys"), ("model", "models")):
        schema = (shipped("schemas") / f"{kind}.schema.json").as_posix()
        named = root / folder
        files = [named] if named.is_file() else sorted(named.rglob("*.yaml"))
        for start in range(0, len(files), 5_000):  # the system limits how long a command line may be
            part = [path.as_posix() for path in files[start : start + 5_000]]
            theirs += timed([other, "--schemafile", schema, *part])
    print(f"check-jsonschema          {1e3 * theirs:8.0f} ms, {theirs / min(times):.1f} times as long")


def main() -> None:
    """Measure."""
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        write(root)
        beside(root)
        in_process(root)


if __name__ == "__main__":
    main()
