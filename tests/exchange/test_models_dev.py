"""models.dev: files with what they are based on, and api.json."""

import json

import pytest
import yaml

from engine.exchange.documents import SourceError
from engine.exchange.models_dev import read_models_dev

PROVIDER = b'name = "Acme"\nenv = ["ACME_API_KEY"]\napi = "https://api.acme.example/v1"\n'


@pytest.fixture
def of(imported, is_whole, compiled):
    """The document of one model's file, the provider's, and what was lost of the model."""

    def of(text, metadata=None, provider=PROVIDER, **options):
        files = {"acme/provider.toml": provider, "acme/models/x/m.toml": text.encode()}
        files |= {f"_metadata/{name}.toml": text.encode() for name, text in (metadata or {}).items()}
        source = read_models_dev(files, **options)
        result = imported(source)
        is_whole(source.accounts)
        compiled(result.files)
        lost = {loss.field: loss.reason.value for loss in result.report.losses if loss.entry == "acme/x/m"}
        return (
            yaml.safe_load(result.files["models/acme/x-m.yaml"]),
            yaml.safe_load(result.files["providers/acme.yaml"]),
            lost,
        )

    return of


def test_prices_are_usd_per_million(of):
    document, provider, lost = of(
        """
        name = "M"
        [cost]
        input = 2.50
        output = 15
        reasoning = 16.0
        cache_read = 0.25
        cache_write = 3.125
        input_audio = 40.00
        output_audio = 80.00
        [[cost.tiers]]
        tier = { type = "context", size = 272_000 }
        input = 5.00
        [experimental.modes.fast]
        cost = { input = 5.00, output = 30.00 }
        provider = { body = { service_tier = "priority" } }
        [experimental.modes.faster]
        cost = { input = 50.00 }
        provider = { body = { speed = "fast" }, headers = { beta = "x" } }
        [experimental.modes.odd]
        cost = { input = 50.00 }
        provider = { body = { temperature = 1 } }
        """
    )
    assert document == {
        "description": "M",
        "type": "custom",
        "upstream_model": "x/m",
        "pricing": {
            "input_mtok": "2.5",
            "output_mtok": "15",
            "cache_read_mtok": "0.25",
            "cache_write_mtok": "3.125",
            "input_audio_mtok": "40",
            "output_audio_mtok": "80",
            "output_reasoning_mtok": "16",
            "tiers": [{"above_input_tokens": 272_000, "input_mtok": "5"}],
            "variants": {
                "fast": {"when": {"speed": "fast"}, "input_mtok": "50"},
                "priority": {"when": {"service_tier": "priority"}, "input_mtok": "5", "output_mtok": "30"},
            },
        },
    }
    assert provider == {
        "description": "Acme",
        "api": "openai-compatible",
        "base_url": "https://api.acme.example/v1",
        "credential": "acme",
    }
    assert lost == {
        "/experimental/modes/faster/provider/headers/beta": "no-concept",
        "/experimental/modes/odd/cost/input": "condition",
        "/experimental/modes/odd/provider/body/temperature": "no-concept",
    }


def test_a_base_model_is_merged_under_and_omitted_last(of):
    document, _, lost = of(
        """
        base_model = "lab/m"
        base_model_omit = ["limit.input", "cost.tiers"]
        name = "Mine"
        [cost]
        input = 1
        [modalities]
        input = ["text", "image", "pdf"]
        """,
        {
            "lab/m": """
            name = "Theirs"
            reasoning = true
            [limit]
            context = 1000
            input = 900
            output = 100
            [[cost.tiers]]
            tier = { size = 500 }
            input = 2
            [modalities]
            input = ["audio"]
            """
        },
    )
    assert document["description"] == "Mine"
    assert document["pricing"] == {"input_mtok": "1"}
    assert document["limits"] == {"context_window": 1000, "max_output_tokens": 100}
    assert document["supports"] == {"vision": True, "audio": False, "reasoning": True}
    assert lost == {
        "/limit/input": "omitted",
        "/cost/tiers/0/input": "omitted",
        "/cost/tiers/0/tier/size": "omitted",
        "/modalities/input/2": "no-concept",
    }


def test_a_base_that_is_not_there_is_said(of):
    document, _, lost = of('base_model = "lab/none"\n[cost]\ninput = 1\n')
    assert document["pricing"] == {"input_mtok": "1"}
    assert lost == {"/base_model": "unknown-base"}


def test_a_base_that_leads_back_to_itself_ends(of):
    document, _, _ = of('base_model = "lab/a"\n', {"lab/a": 'base_model = "lab/b"', "lab/b": 'base_model = "lab/a"'})
    assert document["type"] == "custom"


@pytest.mark.parametrize("tiers", [True, False])
def test_long_context_of_api_json_is_taken_once(imported, is_whole, tiers):
    cost = {"input": 1, "output": 2, "context_over_200k": {"input": 2, "output": 4}}
    if tiers:
        cost["tiers"] = [{"tier": {"type": "context", "size": 200_000}, "input": 2, "output": 4}]
    api = {"acme": {"id": "acme", "name": "Acme", "models": {"m": {"id": "m", "cost": cost}}}}
    source = read_models_dev({"api.json": json.dumps(api).encode()})
    is_whole(source.accounts)
    result = imported(source)
    assert yaml.safe_load(result.files["models/acme/m.yaml"])["pricing"] == {
        "input_mtok": "1",
        "output_mtok": "2",
        "tiers": [{"above_input_tokens": 200_000, "input_mtok": "2", "output_mtok": "4"}],
    }
    lost = {loss.field: loss.reason.value for loss in result.report.losses if loss.entry == "acme/m"}
    at = "/cost/context_over_200k"
    assert lost == ({f"{at}/input": "contradiction", f"{at}/output": "contradiction"} if tiers else {})


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"acme/models/m.toml": b""}, "no provider.toml"),
        ({"acme/provider.toml": b"x"}, "acme/provider.toml is not TOML"),
        ({"acme/provider.toml": b"\xff"}, "not UTF-8"),
        ({"api.json": b"[]"}, "api.json is not an api.json"),
    ],
)
def test_what_cannot_be_read_is_one_message(files, said):
    with pytest.raises(SourceError, match=said):
        read_models_dev(files)
