"""Which wires a model gets: the vendor, the provider's `wires`, the base model and the model's endpoints together."""

import pytest

from engine.catalog.compile import asked_of_reference, compile_catalog
from engine.pricing.lock import build_lock, render
from engine.pricing.reference import load

OPENAI = "api: openai\n"
VLLM = "api: vllm\nbase_url: http://127.0.0.1:8000/v1\n"
VERTEX = "api: google-vertex\nproject: acme\nregion: europe-west4\n"
INVOKED = "api: aws\nregion: us-east-1\nwires: [bedrock-invoke, bedrock-converse]\n"
OWN = "api: openai-compatible\nbase_url: http://127.0.0.1:8000/v1\n"


@pytest.fixture(scope="module")
def reference():
    return load()


@pytest.fixture
def compiled(tree, reference):
    """Compiles one provider, and one model of it where a text is given; gives all its models."""

    def compiling(provider, model=None):
        files = {"catalog.yaml": "format: 1\n", "providers/p.yaml": provider}
        if model is not None:
            files["models/p/m.yaml"] = f"pricing: free\n{model}"
        if asked := asked_of_reference(tree(files)):
            files["reference.lock"] = render(build_lock(asked, reference))
        outcome = compile_catalog(tree(files))
        assert outcome.catalog is not None, outcome.problems
        return outcome.catalog.models

    return compiling


def wires(model):
    return model.wires, model.embeddings_wire, model.rerank_wire


@pytest.mark.parametrize(
    ("provider", "model", "chat", "embeddings", "rerank"),
    [
        (OPENAI, "base_model: gpt-4.1-nano", ("openai-chat", "openai-responses"), "", ""),
        (OPENAI, "base_model: text-embedding-3-small", (), "openai-embeddings", ""),
        (OPENAI, "base_model: gpt-4.1-nano\nendpoints: [embeddings]", (), "openai-embeddings", ""),
        (OPENAI, "base_model: davinci-002", ("openai-completions",), "", ""),
        # nothing is known, so nothing is ruled out
        (VLLM, "", ("openai-chat", "openai-completions"), "openai-embeddings", "cohere-rerank"),
        (VLLM, "endpoints: [chat, messages]", ("openai-chat", "openai-completions"), "", ""),
        (VLLM, "endpoints: [rerank]", (), "", "cohere-rerank"),
        (VLLM, "base_model: openai:gpt-4.1-nano", ("openai-chat", "openai-completions"), "", ""),
        (VERTEX, "base_model: gemini-2.5-flash", ("gemini",), "", ""),
        (VERTEX, "base_model: claude-3-5-sonnet", ("anthropic-messages",), "", ""),
        ("api: aws\nregion: us-east-1\n", "base_model: openai.gpt-oss-120b-1:0", ("openai-chat", "bedrock-converse"), "", ""),
        ("api: cohere\n", "base_model: command-a", ("cohere-v2",), "", ""),
        ("api: voyageai\n", "base_model: voyage-3.5", (), "voyage-embeddings", ""),
        # the file chooses, and its order holds
        (f"{OPENAI}wires: [openai-responses, openai-chat]\n", "base_model: gpt-4.1-nano", ("openai-responses", "openai-chat"), "", ""),
        (f"{OPENAI}wires: [openai-chat]\n", "base_model: gpt-4.1-nano", ("openai-chat",), "", ""),
        (INVOKED, "base_model: anthropic.claude-sonnet-4-5-20250929-v1:0", ("bedrock-invoke", "bedrock-converse"), "", ""),
        (INVOKED, "base_model: amazon.nova-lite-v1:0", ("bedrock-converse",), "", ""),
        (f"{OPENAI}wires: [openai-chat]\n", "base_model: o3-pro", ("openai-chat",), "", ""),
        (f"{OPENAI}wires: [openai-chat]\n", "base_model: text-embedding-3-small", (), "openai-embeddings", ""),
        ("api: google\nwires: [openai-chat]\n", "base_model: gemini-2.5-flash", ("openai-chat",), "", ""),
        (f"{VLLM}wires: [openai-chat, voyage-rerank]\n", "endpoints: [rerank]", (), "", "voyage-rerank"),
        # the maker's own format comes first
        (
            f"{OWN}wires: [openai-chat, anthropic-messages]\n",
            "base_model: anthropic:claude-sonnet-4-5",
            ("anthropic-messages", "openai-chat"),
            "",
            "",
        ),
    ],
)  # fmt: skip
def test_a_custom_model_gets_the_wires_of_its_base(compiled, provider, model, chat, embeddings, rerank):
    found = compiled(provider, f"type: custom\n{model}\n")["@p/m"]
    assert wires(found) == (chat, embeddings, rerank)
    assert found.wire == next(wire for wire in (*chat, embeddings, rerank) if wire)


def test_a_tuned_model_that_is_based_on_one_of_the_catalog_gets_the_same(compiled):
    models = compiled(f"{OPENAI}base_models: [o3-pro]\n", 'type: fine-tuned\nbase_model: "@p/o3-pro"\n')
    assert wires(models["@p/m"]) == wires(models["@p/o3-pro"]) == (("openai-responses",), "", "")


def test_a_model_of_hugging_face_is_called_by_its_id_and_its_host(compiled):
    name = "deepseek-ai/DeepSeek-V3-0324"
    models = compiled(f"api: huggingface_sambanova\nbase_models: [{name}]\n", f"type: base\nbase_model: {name}\n")
    assert models[f"@p/{name}"].upstream_model == models["@p/m"].upstream_model == f"{name}:sambanova"


def test_what_a_vendor_cannot_do_is_known_unless_the_file_says_otherwise(compiled):
    text = "type: custom\nbase_model: mistral-small-latest\n"
    assert compiled("api: mistral\n", text)["@p/m"].supports.stream_usage is False
    assert compiled("api: mistral\nsupports: {stream_usage: true}\n", text)["@p/m"].supports.stream_usage is True
    assert (
        compiled("api: mistral\nbase_models: [mistral-small-latest]\n")["@p/mistral-small-latest"].supports.stream_usage
        is False
    )
    assert compiled("api: mistral\n", f"{text}supports: {{stream_usage: true}}\n")["@p/m"].supports.stream_usage is True


@pytest.mark.parametrize(
    ("provider", "model", "said"),
    [
        ("api: anthropic\n", "base_model: claude-sonnet-4-5\nendpoints: [chat, rerank]", ['endpoints/1: the api "anthropic" has no wire for rerank']),
        ("api: voyageai\n", "base_model: voyage-3.5\nendpoints: [messages]", ['endpoints/0: the api "voyageai" has no wire for messages']),
        ("api: groq\n", "base_model: openai:text-embedding-3-small", ['base_model: the api "groq" has no wire for what this base model answers']),
        ("api: groq\nwires: [openai-embeddings]\n", "base_model: openai:text-embedding-3-small", []),
    ],
)  # fmt: skip
def test_what_no_wire_reaches_is_said_where_it_is_written(tree, reference, provider, model, said):
    files = {
        "catalog.yaml": "format: 1\n",
        "providers/p.yaml": provider,
        "models/p/m.yaml": f"type: custom\npricing: free\n{model}\n",
    }
    files["reference.lock"] = render(build_lock(asked_of_reference(tree(files)), reference))
    found = compile_catalog(tree(files)).problems
    assert [f"{problem.pointer[1:]}: {problem.message}" for problem in found] == said
    assert all(problem.code == "bad-value" and "providers/p.yaml" in problem.hint for problem in found)
