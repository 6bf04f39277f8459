"""Embeddings: every recorded exchange through the crossing that serves it, and the rules of each wire."""

import base64
import contextlib
import json
import random
import struct
import time
from array import array
from collections.abc import Mapping
from typing import Any

import genai_prices
import msgspec
import openai.types
import pytest
from hypothesis import given
from hypothesis import strategies as st
from wires.matrix import WIRE_FOLDER, make_model
from wires.mutation import mutated

from engine.errors import InvalidRequest, UpstreamError, UpstreamRefused
from engine.model import BaseModel
from engine.wires.body import Body, parse_body
from engine.wires.calls import CallCrossing, CrossedCall
from engine.wires.embeddings import EMBEDDING_APIS, EMBEDDING_WIRES
from engine.wires.embeddings.vectors import vector_json, vector_of
from engine.wires.embeddings.vocabulary import PURPOSES, EmbeddingsAnswer, EmbeddingsQuestion

Crossing = CallCrossing[EmbeddingsQuestion, EmbeddingsAnswer]

API = "openai-embeddings"

# Wire → the file of its recordings, and what their paths hold.
RECORDED: Mapping[str, tuple[str, str]] = {
    "bedrock-embeddings": ("bedrock-invoke", "embed"),
    "cohere-embed": ("cohere-v2", "/v2/embed"),
    "gemini-embeddings": ("gemini", ":batchEmbedContents"),
    "openai-embeddings": ("openai-embeddings", "/v1/embeddings"),
    "voyage-embeddings": ("openai-compatible", "voyageai /v1/embeddings"),
}

# Wire → an answer as its documentation has it, with two vectors where it can give two.
DOCUMENTED: Mapping[str, dict[str, Any]] = {
    "bedrock-embeddings": {"embedding": [0.5, -1], "inputTextTokenCount": 4},
    "cohere-embed": {
        "id": "i",
        "embeddings": {"float": [[0.5, -1], [2, 3]]},
        "meta": {"billed_units": {"input_tokens": 4}},
    },
    "gemini-embeddings": {
        "embeddings": [{"values": [0.5, -1]}, {"values": [2, 3]}],
        "usageMetadata": {"promptTokenCount": 4},
    },
    "openai-embeddings": {
        "object": "list",
        "data": [
            {"object": "embedding", "index": 1, "embedding": [2, 3]},
            {"object": "embedding", "index": 0, "embedding": [0.5, -1]},
        ],
        "model": "m",
        "usage": {"prompt_tokens": 4, "total_tokens": 4},
    },
    "vertex-embeddings": {
        "predictions": [
            {"embeddings": {"values": [0.5, -1], "statistics": {"truncated": False, "token_count": 1}}},
            {"embeddings": {"values": [2, 3], "statistics": {"truncated": False, "token_count": 3}}},
        ],
        "metadata": {"billableCharacterCount": 11},
    },
    "voyage-embeddings": {
        "object": "list",
        "data": [
            {"object": "embedding", "embedding": [0.5, -1], "index": 0},
            {"object": "embedding", "embedding": [2, 3], "index": 1},
        ],
        "model": "voyage-3.5",
        "usage": {"total_tokens": 4},
    },
}


def recordings(wire: str) -> list[dict[str, Any]]:
    if not WIRE_FOLDER.is_dir():
        pytest.skip(f"the recorded exchanges are not beside this checkout: no {WIRE_FOLDER}")
    file, place = RECORDED[wire]
    lines = (WIRE_FOLDER / f"{file}.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [
        row for line in lines if place.split()[-1] in (row := json.loads(line))["path"] or "embeddings" in row["source"]
    ]
    rows = [row for row in rows if not row["path"].endswith((":countTokens", "/tokenize"))]
    hosted = [row for row in rows if len(place.split()) == 1 or place.split()[0] in row["host"]]
    found = [row for row in hosted if row["status"] == 200]
    assert found
    return found


def body_of(**fields: Any) -> Body:
    return parse_body(json.dumps({"model": "@acme/bot", "input": "Hi.", **fields}).encode())


def crossing(wire: str, **fields: Any) -> Crossing:
    return CallCrossing(EMBEDDING_APIS[API], EMBEDDING_WIRES[wire], make_model(wire=wire, **fields))


def question(crossed: Crossing, **fields: Any) -> CrossedCall[EmbeddingsQuestion]:
    return crossed.encode(body_of(**fields))


def sent(wire: str, model: Mapping[str, Any] | None = None, **fields: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    request = question(crossing(wire, **(model or {})), **fields)
    return json.loads(request.body), request.losses


def reply(crossed: Crossing, answer: bytes, **fields: Any) -> openai.types.CreateEmbeddingResponse:
    request = question(crossed, **fields)
    written = crossed.answer(answer, request, request_id="req-1")
    assert written.losses == ()
    body = json.loads(written.body)
    for item in body["data"]:  # as the official client does it, before its types see it
        assert isinstance(item["embedding"], str) is (fields.get("encoding_format") == "base64")
        if isinstance(item["embedding"], str):
            item["embedding"] = floats(item["embedding"])
    return openai.types.CreateEmbeddingResponse.model_validate(body)


def floats(encoded: Any) -> list[float]:
    data = base64.b64decode(encoded)
    return list(struct.unpack(f"<{len(data) // 4}f", data))


# --- recorded exchanges -----------------------------------------------------------------------------------------------


def texts_in(request: dict[str, Any]) -> list[str]:
    """What a provider's request asks to embed, read without our codecs."""
    if "requests" in request:
        return [one["content"]["parts"][0]["text"] for one in request["requests"]]
    if "singleEmbeddingParams" in request:
        return [request["singleEmbeddingParams"]["text"]["value"]]
    found = request.get("texts") or request.get("input") or request.get("inputText")
    return [found] if isinstance(found, str) else found


def options_in(request: dict[str, Any]) -> dict[str, Any]:
    """A request as a client of OpenAI's API would have asked for it."""
    first = request["requests"][0] if "requests" in request else request.get("singleEmbeddingParams", request)
    lengths = ("dimensions", "output_dimension", "outputDimensionality", "embeddingDimension")
    purposes = ("input_type", "taskType", "embeddingPurpose")
    given = {"input": texts_in(request)}
    given["dimensions"] = next((first[name] for name in lengths if first.get(name) is not None), None)
    given["input_type"] = next((first[name].lower() for name in purposes if isinstance(first.get(name), str)), None)
    return {name: value for name, value in given.items() if value is not None}


def vectors_in(answer: dict[str, Any]) -> list[Any]:
    """The vectors of a provider's answer, read without our codecs."""
    if "data" in answer:
        return [item["embedding"] for item in answer["data"]]
    found = answer.get("embeddings", [answer.get("embedding")])
    found = found["float"] if isinstance(found, dict) else found
    return [item.get("values") or item["embedding"] if isinstance(item, dict) else item for item in found]


@pytest.mark.parametrize("wire", sorted(RECORDED))
@pytest.mark.parametrize("encoding", ["float", "base64"])
def test_recorded_answers_reach_clients(wire: str, encoding: str):
    for row in recordings(wire):
        answer = row["response"]["text"].encode()
        truth = vectors_in(json.loads(answer))
        if wire == API:
            assert question(crossing(wire), encoding_format=encoding).question is None  # passed through
            continue
        found = reply(crossing(wire), answer, input=["x"] * len(truth), encoding_format=encoding)
        assert [item.index for item in found.data] == list(range(len(truth)))
        for item, vector in zip(found.data, truth, strict=True):
            expected = floats(vector) if isinstance(vector, str) else vector
            if encoding == "base64":
                assert item.embedding == list(array("f", expected)), row["id"]
            else:
                assert item.embedding == expected, row["id"]


@pytest.mark.parametrize("wire", sorted(set(RECORDED) - {API}))
def test_recorded_requests_are_what_we_would_have_sent(wire: str):
    for row in recordings(wire):
        recorded = json.loads(row["request"]["text"])
        upstream = row["path"].split("/model/")[-1].split("/models/")[-1].split("/")[0].split(":batch")[0]
        upstream_model = recorded.get("model") or upstream.replace("%3A", ":").replace("%2F", "/")
        model = {"upstream_model": upstream_model.removeprefix("models/"), "api": "acme"}
        made, losses = sent(wire, model, **options_in(recorded))
        is_newer = "embedding-2" in upstream_model and wire == "gemini-embeddings"
        assert losses == (("input_type",) if is_newer and "taskType" in recorded["requests"][0] else ())
        for request in (made, recorded):
            for name in ("truncate", "truncation", "normalize", "encoding_format", "max_tokens", "output_dtype"):
                request.pop(name, None)
            for one in request["requests"] if is_newer else ():
                one.pop("taskType", None)
        assert made == {name: value for name, value in recorded.items() if value is not None}, row["id"]
        assert embedding_path(wire, model).split("?")[0] in "/v1beta" + row["path"] or wire == "cohere-embed"


def embedding_path(wire: str, model: dict[str, Any]) -> str:
    return EMBEDDING_WIRES[wire].path(make_model(**model), stream=False)


@pytest.mark.parametrize("wire", sorted(RECORDED))
def test_recorded_usage_is_that_of_genai_prices(wire: str):
    flavours = {
        "cohere-embed": ("cohere", "embeddings"),
        "gemini-embeddings": ("google", "default"),
        "openai-embeddings": ("openai", "embeddings"),
    }
    counted = 0
    for row in recordings(wire):
        body = json.loads(row["response"]["text"])
        usage = EMBEDDING_WIRES[wire].read_usage(row["response"]["text"].encode())
        if wire in flavours:
            provider, flavour = flavours[wire]
            body.pop("model", None)
            try:
                found = genai_prices.extract_usage(body, provider_id=provider, api_flavor=flavour).usage
            except (LookupError, ValueError):  # it reports none
                assert usage is None
                continue
            assert usage is not None
            assert usage.meters == {"input_tokens": found.input_tokens}
        elif usage is not None:  # genai-prices reads no embeddings of these
            told = body.get("inputTextTokenCount") or body["usage"]["total_tokens"]
            assert usage.meters == {"input_tokens": told}
        else:
            assert "TokenCount" not in row["response"]["text"]
            assert "total_tokens" not in row["response"]["text"]
        counted += usage is not None
    assert counted


# --- every wire -------------------------------------------------------------------------------------------------------


def test_every_wire_has_an_answer_here():
    assert DOCUMENTED.keys() == EMBEDDING_WIRES.keys()
    assert set(EMBEDDING_APIS) == {API}


@pytest.mark.parametrize("wire", sorted(DOCUMENTED))
def test_documented_answers_are_read(wire: str):
    answer = json.dumps(DOCUMENTED[wire]).encode()
    found = EMBEDDING_WIRES[wire].decode_answer(answer)
    expected = [b"[0.5, -1]", b"[2, 3]"][: len(found.vectors)]
    assert [vector_json(vector, "float") for vector in found.vectors] == expected
    assert found.usage is not None
    assert found.usage.meters == {"input_tokens": 4}
    assert EMBEDDING_WIRES[wire].fault_in(answer) is None
    assert EMBEDDING_WIRES[wire].read_usage(answer) == found.usage


@pytest.mark.parametrize("wire", sorted(DOCUMENTED))
@pytest.mark.parametrize(
    "answer",
    [b"", b"7", b"[]", b"{}", b'{"data":7,"embeddings":7,"predictions":7,"embedding":7}', b"[" * 10**5, b'{"\xff":1}'],
)
def test_what_is_no_answer_is_a_fault(wire: str, answer: bytes):
    with pytest.raises(UpstreamRefused) as refused:
        EMBEDDING_API.encode_answer(EMBEDDING_WIRES[wire].decode_answer(answer), ONE, request_id="req-1")
    assert refused.value.code == "upstream_bad_body"
    assert EMBEDDING_WIRES[wire].read_usage(answer) is None


EMBEDDING_API = EMBEDDING_APIS[API]
ONE = EmbeddingsQuestion(api=API, model="m", texts=("x",), count=1)


@pytest.mark.parametrize("wire", sorted(DOCUMENTED))
def test_whatever_an_answer_holds_it_is_read_or_refused(wire: str):
    chosen = random.Random(7)
    for _ in range(150):
        answer = json.dumps(mutated(DOCUMENTED[wire], chosen)).encode()
        EMBEDDING_WIRES[wire].read_usage(answer)
        fault = EMBEDDING_WIRES[wire].fault_in(answer)
        assert fault is None or isinstance(fault, UpstreamError)
        for encoding in ("float", "base64"):
            asking = msgspec.structs.replace(ONE, encoding=encoding)
            with contextlib.suppress(UpstreamError):
                EMBEDDING_API.encode_answer(EMBEDDING_WIRES[wire].decode_answer(answer), asking, request_id="req-1")


def test_an_error_in_a_200_is_refused_by_its_status():
    fault = EMBEDDING_WIRES[API].fault_in(b'{"error":{"message":"SECRET","code":429}}')
    assert fault is not None
    assert (fault.status, "SECRET" in str(fault)) == (429, False)


@pytest.mark.parametrize("wire", sorted(set(DOCUMENTED) - {"bedrock-embeddings", API}))
def test_fewer_vectors_than_texts_are_a_fault(wire: str):
    crossed = crossing(wire)
    request = question(crossed, input=["a", "b", "c"])
    with pytest.raises(UpstreamRefused, match="2 embeddings for 3 inputs"):
        crossed.answer(json.dumps(DOCUMENTED[wire]).encode(), request, request_id="req-1")


@pytest.mark.parametrize("wire", sorted(set(EMBEDDING_WIRES) - {API}))
def test_token_numbers_are_refused_by_name(wire: str):
    for tokens in ([1, 2], [[1, 2], [3]]):
        with pytest.raises(InvalidRequest) as refused:
            sent(wire, input=tokens)
        assert (refused.value.status, refused.value.param) == (400, "input")


@pytest.mark.parametrize("wire", sorted(set(EMBEDDING_WIRES) - {API}))
def test_what_has_no_place_is_named_and_a_strict_model_refuses_it(wire: str):
    made, losses = sent(wire, user="u", truncate="NONE", input="a")
    assert set(losses) == {"user", "truncate"}
    assert "user" not in json.dumps(made)
    with pytest.raises(InvalidRequest) as refused:
        sent(wire, {"strict": True}, user="u")
    assert refused.value.param == "user"


@pytest.mark.parametrize("wire", sorted(EMBEDDING_WIRES))
def test_what_a_models_file_declares(wire: str):
    made, losses = sent(wire, {"defaults": {"dimensions": 256, "own": {"a": 1}}}, input=["a"])
    assert "256" in json.dumps(made)
    assert (made["own"], losses) == ({"a": 1}, ())
    made, _ = sent(wire, {"overrides": {"dimensions": 256}}, dimensions=512)
    assert ("512" in json.dumps(made), "256" in json.dumps(made)) == (False, True)
    with pytest.raises(InvalidRequest) as refused:
        sent(wire, {"forbid": ("dimensions",)}, dimensions=512)
    assert refused.value.param == "dimensions"
    for name in EMBEDDING_WIRES[wire].reserved:
        with pytest.raises(ValueError, match=name):
            crossing(wire, defaults={name: 1})


# --- rules of wires ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("upstream_model", "takes"),
    [
        ("amazon.titan-embed-text-v2:0", False),
        ("amazon.titan-embed-text-v1", False),
        ("amazon.nova-2-multimodal-embeddings-v1:0", False),
        ("us.cohere.embed-v4:0", True),
    ],
)
def test_a_list_goes_only_to_who_takes_one(upstream_model: str, takes: bool):
    model = {"upstream_model": upstream_model}
    assert sent("bedrock-embeddings", model, input=["a"])
    if takes:
        assert sent("bedrock-embeddings", model, input=["a", "b"])[0]["texts"] == ["a", "b"]
        return
    with pytest.raises(InvalidRequest) as refused:
        sent("bedrock-embeddings", model, input=["a", "b"])
    assert (refused.value.status, refused.value.param) == (400, "input")


def test_behind_an_arn_the_base_model_says_which_body_it_is():
    arn = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/otnfa2ysixqd"
    base_model = BaseModel("cohere.embed-v4:0", resolved="aws:cohere.embed-v4:0")
    model = {"upstream_model": arn, "base_model": base_model}
    assert "texts" in sent("bedrock-embeddings", model)[0]
    assert embedding_path("bedrock-embeddings", model) == (
        "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Aapplication-inference-profile%2Fotnfa2ysixqd/invoke"
    )


def test_titan_v1_has_one_length_and_the_one_for_pictures_another_name_for_it():
    assert sent("bedrock-embeddings", {"upstream_model": "amazon.titan-embed-text-v1"}, dimensions=5)[1] == (
        "dimensions",
    )
    made, losses = sent("bedrock-embeddings", {"upstream_model": "amazon.titan-embed-image-v1"}, dimensions=256)
    assert (made["embeddingConfig"], losses) == ({"outputEmbeddingLength": 256}, ())


def test_bedrocks_header_counts_where_the_body_does_not():
    crossed = crossing("bedrock-embeddings")
    plain = b'{"embeddings":[[1]],"response_type":"embeddings_floats"}'
    usage = crossed.read_usage(plain, {"x-amzn-bedrock-input-token-count": "7"})
    assert usage is not None
    assert usage.meters == {"input_tokens": 7}
    assert crossed.read_usage(plain, {"x-amzn-bedrock-input-token-count": "-7"}) is None
    zero = crossed.read_usage(b'{"embedding":[1],"inputTextTokenCount":0}', {"x-amzn-bedrock-input-token-count": "7"})
    assert zero is not None
    assert zero.meters == {"input_tokens": 0}


def test_vertex_asks_geminis_models_otherwise_than_older_ones():
    texts = {"input": ["a", "b"], "input_type": "query", "dimensions": 256}
    made, losses = sent("vertex-embeddings", {"upstream_model": "text-embedding-005"}, **texts)
    older = [{"task_type": "RETRIEVAL_QUERY", "content": text} for text in "ab"]
    assert (made, losses) == ({"instances": older, "parameters": {"outputDimensionality": 256}}, ())
    made, losses = sent("vertex-embeddings", {"upstream_model": "gemini-embedding-001"}, **texts)
    settings = {"taskType": "RETRIEVAL_QUERY", "outputDimensionality": 256}
    newer = [{"content": {"role": "user", "parts": [{"text": text}]}, "embedContentConfig": settings} for text in "ab"]
    assert (made, losses) == ({"requests": newer}, ())
    answer = b'{"embeddings":[{"values":[1]},{"values":[2]}],"usageMetadata":{"promptTokenCount":7}}'
    found = EMBEDDING_WIRES["vertex-embeddings"].decode_answer(answer)
    assert found.usage is not None
    assert (len(found.vectors), found.usage.meters) == (2, {"input_tokens": 7})
    partly = (
        b'{"predictions":[{"embeddings":{"values":[1],"statistics":{"token_count":3}}},{"embeddings":{"values":[1]}}]}'
    )
    assert EMBEDDING_WIRES["vertex-embeddings"].read_usage(partly) is None


@pytest.mark.parametrize("word", sorted(PURPOSES))
@pytest.mark.parametrize("wire", sorted(set(EMBEDDING_WIRES) - {API}))
def test_the_purpose_is_carried_or_named(wire: str, word: str):
    made, losses = sent(wire, input_type=word)
    silent, _ = sent(wire)
    is_default = PURPOSES[word] == "document" and wire == "cohere-embed"
    assert (made != silent or is_default) is (losses == ())
    assert losses in ((), ("input_type",))


def test_nova_is_told_that_only_texts_are_searched():
    words = ("query", "text_retrieval")
    sets = [sent("bedrock-embeddings", {"upstream_model": "amazon.nova-2"}, input_type=word)[0] for word in words]
    purposes = [made["singleEmbeddingParams"]["embeddingPurpose"] for made in sets]
    assert purposes == ["GENERIC_RETRIEVAL", "TEXT_RETRIEVAL"]
    assert sent("cohere-embed", input_type="text_retrieval")[0]["input_type"] == "search_query"


def test_cohere_is_told_a_purpose_in_any_case():
    assert sent("cohere-embed")[0]["input_type"] == "search_document"
    assert sent("cohere-embed", {"defaults": {"input_type": "search_query"}})[0]["input_type"] == "search_query"


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"input": 7}, "input"),
        ({"input": None}, "input"),
        ({"input": []}, "input"),
        ({"input": ["a", 7]}, "input"),
        ({"input": [[1], "a"]}, "input"),
        ({"encoding_format": "int8"}, "encoding_format"),
        ({"dimensions": "many"}, "dimensions"),
        ({"input_type": "poem"}, "input_type"),
        ({"stream": True}, "stream"),
    ],
)
def test_bad_requests_are_told_by_name(fields: dict[str, Any], param: str):
    with pytest.raises(InvalidRequest) as refused:
        sent("cohere-embed", **fields)
    assert (refused.value.status, refused.value.param) == (400, param)
    if param in ("input", "stream") and not isinstance(fields.get("input"), list):
        with pytest.raises(InvalidRequest):
            sent(API, **fields)


def test_the_same_wire_passes_bytes_through():
    data = b'{"input" : [[1, 2],[3]],"model":"@acme/bot", "encoding_format":"base64","unknown":{"a" : 1}}'
    crossed = crossing(API)
    request = crossed.encode(parse_body(data))
    assert (
        request.body == b'{"input":[[1, 2],[3]],"model":"upstream-bot","encoding_format":"base64","unknown":{"a" : 1}}'
    )
    answer = b'{"object": "list", "data": [ ], "x": 1}'
    assert crossed.answer(answer, request, request_id="req-1").body is answer


def test_an_answer_without_a_usage_or_a_model():
    found = reply(crossing("gemini-embeddings"), b'{"embeddings":[{"values":[1]}]}')
    assert (found.model, found.usage.prompt_tokens) == ("@acme/bot", 0)


# --- vectors ----------------------------------------------------------------------------------------------------------


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), max_size=20))
def test_vectors_are_the_same_in_both_forms(numbers: list[float]):
    as_numbers = vector_of(raw(json.dumps(numbers)))
    encoded = json.loads(vector_json(as_numbers, "base64"))
    assert floats(encoded) == numbers
    as_base64 = vector_of(raw(json.dumps(encoded)))
    assert json.loads(vector_json(as_base64, "float")) == numbers
    assert json.loads(vector_json(as_base64, "base64")) == encoded


def raw(text: str) -> msgspec.Raw:
    return msgspec.Raw(text.encode())


@pytest.mark.parametrize("bad", ['"aGk"', '"####"', '"aGVs"', '["a"]', "[[1]]", "[null]", "{}", "7", '"\\u00e9"'])
def test_bad_vectors_are_a_fault(bad: str):
    for encoding in ("float", "base64"):
        if encoding == ("base64" if bad.startswith('"') else "float") and bad not in ("{}", "7", '"\\u00e9"'):
            continue  # the upstream's own bytes
        with pytest.raises(UpstreamRefused):
            vector_json(vector_of(raw(bad)), encoding)  # type: ignore[arg-type]


def test_a_big_answer_is_quick():
    """200 vectors of 1,536 numbers: spliced as numbers, and at C's speed as base64 (6.4 MB in 20 to 30 ms)."""
    vector = [0.0123456789] * 1536
    answer = json.dumps({"embeddings": [{"values": vector}] * 200}).encode()
    crossed = crossing("gemini-embeddings")
    for encoding, most in (("float", 1.0), ("base64", 2.0)):
        request = question(crossed, input=["x"] * 200, encoding_format=encoding)
        started = time.process_time()
        crossed.answer(answer, request, request_id="req-1")
        assert time.process_time() - started < most
