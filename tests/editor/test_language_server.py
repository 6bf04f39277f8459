"""What an editor says about a catalog's files, held against what we say; and what it completes and explains."""

import json
import shutil
from pathlib import Path

import pytest

from engine.catalog.layout import lay_out
from engine.catalog.reading import read_yaml
from engine.catalog.schema import check
from engine.shipped import shipped

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "tests/catalog"
SETTINGS = json.loads((ROOT / ".vscode/settings.json").read_text())
MOST = 12  # of the documents of one kind in one good example: the large one has hundreds that are alike


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """A repository with our schemas, our catalog, and every example as a catalog of its own."""
    top = tmp_path_factory.mktemp("workspace")
    shutil.copytree(shipped("schemas"), top / "schemas")
    shutil.copytree(shipped("catalog"), top / "catalog")
    for folder in [*(EXAMPLES / "good").iterdir(), *(EXAMPLES / "bad").iterdir()]:
        shutil.copytree(folder, top / folder.parent.name / folder.name / "catalog")
    return top


@pytest.fixture(scope="module")
def server(start_server, workspace):
    return start_server(workspace, SETTINGS)


def documents(workspace):
    """(kind, path, document) of every file that is YAML by our strict reading; the rest never gets to a schema."""
    for catalog in sorted(workspace.rglob("catalog")):
        files = {
            path.relative_to(catalog).as_posix(): path
            for path in catalog.rglob("*.yaml")
            if path.is_file() and not path.name.startswith("expected.")
        }
        seen = {}
        for place in lay_out(files)[0]:
            seen[place.kind] = seen.get(place.kind, 0) + 1
            if place.kind == "lock" or seen[place.kind] > MOST:
                continue
            reading = read_yaml(files[place.file].read_bytes(), place.file)
            if reading.document is not None:
                yield place.kind, files[place.file], reading.document


def test_the_editor_and_we_give_the_same_verdict(server, workspace):
    judged = {True: 0, False: 0}
    # All are opened before any is asked for: the server waits a moment for more typing in each.
    opened = [(server.open(str(found[1].relative_to(workspace))), found) for found in documents(workspace)]
    for uri, (kind, path, document) in opened:
        ours, theirs = check(kind, document), server.findings(uri)
        assert bool(theirs) == bool(ours), (path.relative_to(workspace), ours, theirs)
        judged[not ours] += 1
        places = {found["range"]["start"]["line"] + 1 for found in theirs}
        assert {problem.line for problem in ours} & places or not ours, (path, ours, theirs)
    assert judged[True] > 20
    assert judged[False] > 10


def test_it_has_a_schema_for_every_kind_of_file(workspace):
    mapped = {Path(name).name.partition(".")[0] for name in SETTINGS["yaml.schemas"]}
    assert mapped == {path.name.partition(".")[0] for path in shipped("schemas").glob("*.schema.json")}
    assert all((ROOT / name).is_file() for name in SETTINGS["yaml.schemas"])


def test_it_explains(server):
    text = "type: fine-tuned\nbase_model: gpt-4.1-nano\n"
    uri = server.open("catalog/models/openai/hovered.yaml", text)
    server.findings(uri)
    said = str(server.at("hover", uri, 1, 3)["contents"])
    schema = json.loads((ROOT / "schemas/model.schema.json").read_text())
    assert schema["properties"]["base_model"]["description"].partition(":")[0] in said


def test_it_completes_keys_and_values(server):
    uri = server.open("catalog/models/openai/typed.yaml", "type: fine-tuned\nbase\n")
    labels = {item["label"] for item in server.at("completion", uri, 1, 4)["items"]}
    assert "base_model" in labels
    assert "type" not in labels, "what is written already is not offered"
    uri = server.open("catalog/models/openai/valued.yaml", "type: \n")
    labels = {item["label"] for item in server.at("completion", uri, 0, 6)["items"]}
    assert {"fine-tuned", "custom", "base"} <= labels
    uri = server.open("catalog/providers/typed.yaml", "api: openai\ntimeouts:\n  \n")
    labels = {item["label"] for item in server.at("completion", uri, 2, 2)["items"]}
    assert "connect" in labels


def test_a_mistake_is_where_it_is_made(server):
    uri = server.open("catalog/models/openai/wrong.yaml", "type: custom\npricing: {input_mtok: 0.2}\n")
    [found] = server.findings(uri)
    assert found["range"]["start"] == {"line": 1, "character": 22}
