"""`catalog reference update`."""

import json

from engine.pricing.lock import Lock, LockedApi, LockedModel, LockedName, LockedWindow, Source, render


def test_the_shipped_lock_is_current(run, catalog):
    before = (catalog / "reference.lock").read_bytes()
    done = run("reference", "update")
    assert (done.returncode, done.stderr) == (0, "")
    assert "is current" in done.stdout
    assert (catalog / "reference.lock").read_bytes() == before


def test_a_missing_lock_is_written(run, catalog):
    before = (catalog / "reference.lock").read_bytes()
    (catalog / "reference.lock").unlink()
    assert run("validate").returncode == 1
    assert run("reference", "update", "catalog").returncode == 0
    assert (catalog / "reference.lock").read_bytes() == before
    assert run("validate").returncode == 0


def test_changed_prices_are_said_before_and_after(run, catalog):
    window = LockedWindow({"input_mtok": "0.07", "output_mtok": "0.4"})
    api = LockedApi(
        {"gpt-4.1-nano": LockedName("gpt-4.1-nano", "id")}, {}, {"gpt-4.1-nano": LockedModel("", 5, "", (window,))}
    )
    (catalog / "reference.lock").write_bytes(render(Lock(Source("genai-prices", "0.0.1"), {"openai": api})))
    done = run("reference", "update")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert "openai:gpt-4.1-nano  input_mtok  0.07 → 0.1" in lines
    assert "openai:gpt-4.1-nano  context_window  5 → 1000000" in lines
    assert lines[-1].startswith("Wrote catalog/reference.lock from genai-prices ")


def test_a_damaged_lock_is_replaced(run, catalog):
    lock = json.loads((catalog / "reference.lock").read_bytes())
    lock["apis"]["openai"]["models"]["gpt-4.1-nano"]["context_window"] = 1
    (catalog / "reference.lock").write_text(json.dumps(lock))
    assert "lock-invalid" in run("validate").stdout
    done = run("reference", "update")
    assert done.returncode == 0
    assert "edited by hand" in done.stderr
    assert run("validate").returncode == 0


def test_a_name_that_does_not_exist_is_said_and_the_rest_is_locked(run, catalog):
    (catalog / "models/openai/new.yaml").write_text("type: custom\nbase_model: gpt-4.1-nanno\npricing: inherit\n")
    (catalog / "models/openai/next.yaml").write_text("type: custom\nbase_model: gpt-4o\npricing: inherit\n")
    done = run("reference", "update")
    assert done.returncode == 1
    assert 'catalog/models/openai/new.yaml:2:13: lock-stale openai has no model "gpt-4.1-nanno"' in done.stdout
    assert "gpt-4o" in json.loads((catalog / "reference.lock").read_bytes())["apis"]["openai"]["names"]


def test_a_catalog_without_reference_models_needs_no_lock(run, catalog):
    for path in ("models/openai/support-bot-v3.yaml", "providers/openai.yaml", "reference.lock"):
        (catalog / path).unlink()
    done = run("reference", "update")
    assert (done.returncode, done.stdout) == (0, "The catalog uses no reference data; nothing to lock.\n")
    assert not (catalog / "reference.lock").exists()
