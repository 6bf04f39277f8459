"""LiteLLM's config.yaml: deployments as models, their accounts as providers, groups and fallbacks as routes.

Read by the catalog's own strict reader, so YAML aliases are refused. No secret is ever taken or shown: what a key
refers to is to be bound in the operator's file.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from engine.catalog.document import Document
from engine.catalog.reading import read_yaml
from engine.catalog.vendors import VENDORS
from engine.exchange.documents import SourceError
from engine.exchange.entries import Entry, ProviderEntry, Source
from engine.exchange.litellm_entries import describe, whole
from engine.exchange.litellm_fields import read_prices
from engine.exchange.litellm_routes import Deployment, Groups
from engine.exchange.losses import Account, Reason, pointer
from engine.exchange.sheet import Sheet

# LiteLLM's providers by the api that they are here.
_APIS: Mapping[str, str] = MappingProxyType(
    {
        "anthropic": "anthropic",
        "azure": "azure",
        "bedrock": "aws",
        "bedrock_converse": "aws",
        "cerebras": "cerebras",
        "cohere": "cohere",
        "cohere_chat": "cohere",
        "custom_openai": "openai-compatible",
        "deepseek": "deepseek",
        "fireworks_ai": "fireworks",
        "gemini": "google",
        "groq": "groq",
        "hosted_vllm": "vllm",
        "litellm_proxy": "litellm",
        "lm_studio": "lmstudio",
        "minimax": "minimax",
        "mistral": "mistral",
        "moonshot": "moonshotai",
        "novita": "novita",
        "ollama": "ollama",
        "ollama_chat": "ollama",
        "openai": "openai",
        "openai_like": "openai-compatible",
        "openrouter": "openrouter",
        "ovhcloud": "ovhcloud",
        "perplexity": "perplexity",
        "together_ai": "together",
        "vertex_ai": "google-vertex",
        "voyage": "voyageai",
        "xai": "xai",
        "zai": "zai",
    }
)
# Names without a provider before them that LiteLLM knows by heart.
_BARE = (
    (re.compile(r"(?:ft:)?(?:gpt-|chatgpt-|o[134](?:-|$)|text-embedding-).*"), "openai"),
    (re.compile(r"claude-.*"), "anthropic"),
)
_URL = re.compile(r"https?://[A-Za-z0-9._-]+(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~/-]*)?", re.ASCII)
_ENVIRONMENT = "os.environ/"
_SECRET = re.compile(
    r"api_?key|secret|token(?!s)|password|passwd|credential|master_key|salt|dsn|database_url|access_key"
)
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}", re.ASCII)
_PROVIDER_FIELDS = {
    "api_version": "api_version",
    "aws_region_name": "region",
    "vertex_location": "region",
    "vertex_project": "project",
}
_PARAMETERS = frozenset(
    (
        "frequency_penalty", "max_completion_tokens", "max_tokens", "n", "parallel_tool_calls", "presence_penalty",
        "reasoning_effort", "seed", "stop", "temperature", "top_k", "top_p",
    )
)  # fmt: skip
_LIMITS = {"rpm": "requests_per_minute", "tpm": "tokens_per_minute", "max_parallel_requests": "concurrent"}
_HEADER = re.compile(r"[A-Za-z0-9-]{1,64}", re.ASCII)


def read_litellm_config(data: bytes, name: str, *, unit: str | None = None) -> Source:
    """Read a config.yaml.

    Raises:
        SourceError: it cannot be read, or has no model_list.
    """
    reading = read_yaml(data, name)
    if reading.document is None:
        first = reading.problems[0]
        raise SourceError(f"{name}:{first.line}:{first.column} {first.message}.", hint=first.hint)
    value = reading.document.value
    if not isinstance(value, dict) or not isinstance(value.get("model_list"), list):
        raise SourceError(f"{name} has no model_list.", hint="Name the config.yaml of a LiteLLM proxy.")
    return _Reader(_with_exact_numbers(reading.document), unit).read()


def _with_exact_numbers(document: Document) -> dict[str, Any]:
    """The document with fractions as the text that they are written in; parameters keep their numbers."""
    lines = document.text.split("\n")

    def exact(value: Any, at: str) -> Any:
        if isinstance(value, dict):
            return {key: exact(inner, at + pointer(key)) for key, inner in value.items()}
        if isinstance(value, list):
            return [exact(inner, at + pointer(index)) for index, inner in enumerate(value)]
        if isinstance(value, float) and at.rpartition("/")[2] not in _PARAMETERS:
            line, column = document.position(at)
            written = re.match(r"[-+0-9.eE]+", lines[line - 1][column - 1 :])
            assert written is not None, "a number stands where the reader found one"
            return written[0]
        return value

    made = exact(document.value, "")
    assert isinstance(made, dict)
    return made


class _Reader:
    def __init__(self, config: dict[str, Any], unit: str | None) -> None:
        self.config = config
        self.unit = unit
        self.providers: dict[tuple[str, str], ProviderEntry] = {}
        self.others: list[Account] = []
        self.settings = {
            section: Account(section, {section: value}, secretive=True)
            for section, value in config.items()
            if section != "model_list"
        }

    def read(self) -> Source:
        deployments = [self._deployment(index, item) for index, item in enumerate(self.config["model_list"])]
        known = [deployment for deployment in deployments if deployment is not None]
        groups = Groups(known, self.config, self.settings)
        routes = groups.routes()
        models = tuple(groups.finish(deployment) for deployment in known)
        for account in self.settings.values():
            _lose_secrets(account)
        return Source(
            models=models,
            others=(*self.others, *self.settings.values()),
            providers=tuple(self.providers.values()),
            routes=routes,
        )

    def _deployment(self, index: int, item: Any) -> Deployment | None:
        item = item if isinstance(item, dict) else {"": item}
        name = item.get("model_name")
        account = Account(f"model_list/{index}", item, secretive=True)
        params = item.get("litellm_params")
        params = params if isinstance(params, dict) else {}
        prefix, upstream = _split(params)
        api = _APIS.get(prefix)
        if not isinstance(name, str) or not name or api is None or "*" in name or "*" in upstream:
            pattern = isinstance(name, str) and ("*" in name or "*" in upstream)
            _lose_secrets(account)
            account.lose_all(Reason.NOT_A_MODEL if pattern else Reason.NO_PROVIDER)
            self.others.append(account)
            return None
        url = params.get("api_base")
        if api == "openai" and isinstance(url, str) and "api.openai.com" not in url:
            api = "openai-compatible"
        provider = self._provider(prefix, api, params, account)
        account.carry("/litellm_params/model", "/litellm_params/custom_llm_provider")
        document, silent = self._document(item, params, account)
        return Deployment(
            index=index,
            group=name,
            params=params,
            entry=Entry(
                key=account.entry,
                provider=provider,
                upstream=upstream,
                document=document,
                accounts=(account,),
                type="fine-tuned" if upstream.startswith("ft:") else "custom",
                base=self._base(item.get("model_info"), api, account),
                inherits=silent,
            ),
        )

    def _provider(self, prefix: str, api: str, params: dict[str, Any], account: Account) -> str:
        document: dict[str, Any] = {"api": api}
        at = "/litellm_params"
        url = params.get("api_base")
        if isinstance(url, str) and _URL.fullmatch(url):
            own = url.rstrip("/")
            document["base_url"] = f"{own}/v1" if api == "ollama" and not own.endswith("/v1") else own
            account.carry(f"{at}/api_base")
        elif url is not None:
            account.lose(f"{at}/api_base", Reason.BAD_VALUE, "a catalog needs the URL itself")
        for theirs, ours in _PROVIDER_FIELDS.items():
            value = params.get(theirs)
            if isinstance(value, str) and _PLAIN.fullmatch(value) and ours not in document:
                document[ours] = value
                account.carry(f"{at}/{theirs}")
        organization = params.get("organization")
        if isinstance(organization, str) and _PLAIN.fullmatch(organization):
            document["headers"] = {"OpenAI-Organization": organization}
            account.carry(f"{at}/organization")
        key = params.get("api_key")
        if key is None and not VENDORS[api].base_url and api not in {"azure", "aws", "google-vertex"}:
            document["credential"] = "none"
        same = (prefix, repr((sorted(document.items()), key)))
        if same not in self.providers:
            taken = sum(1 for other, _ in self.providers if other == prefix)
            name = prefix.replace("_", "-") + (f"-{taken + 1}" if taken else "")
            if key is not None:
                document["credential"] = name
            self.providers[same] = ProviderEntry(name=name, document=document)
        name = self.providers[same].name
        if isinstance(key, str) and re.fullmatch(r"os\.environ/[A-Za-z_][A-Za-z0-9_]{0,100}", key):
            account.lose(f"{at}/api_key", Reason.SECRET, f"bind {name} to env:{key.removeprefix(_ENVIRONMENT)}")
        elif key is not None:
            account.lose(f"{at}/api_key", Reason.SECRET, f"bind {name}; the key in the source is to be replaced")
        return name

    def _document(self, item: dict[str, Any], params: dict[str, Any], account: Account) -> tuple[dict[str, Any], bool]:
        """The keys of a model's file; and whether the source is silent about its price, which is then the list's."""
        info = item.get("model_info")
        info = info if isinstance(info, dict) else {}
        mode = info.get("mode")
        mode = mode if isinstance(mode, str) else ""
        document = describe(info, account, "/model_info")
        sheet = Sheet(account, trusted_unit=self.unit is not None)
        read_prices(params, mode, sheet, "/litellm_params", unit=self.unit)
        read_prices(info, mode, sheet, "/model_info", unit=self.unit)
        if (pricing := sheet.pricing()) is not None:
            document["pricing"] = pricing
        defaults = {name: value for name, value in params.items() if name in _PARAMETERS and value is not None}
        if defaults:
            document["defaults"] = defaults
            account.carry(*(pointer("litellm_params", name) for name in defaults))
        limits = {ours: size for theirs, ours in _LIMITS.items() if (size := whole(params.get(theirs))) is not None}
        if limits:
            document["rate_limit"] = limits
            account.carry(*(f"/litellm_params/{theirs}" for theirs, ours in _LIMITS.items() if ours in limits))
        if headers := _headers(params.get("extra_headers"), account):
            document["headers"] = headers
        _lose_secrets(account)
        return document, sheet.is_silent

    def _base(self, info: Any, api: str, account: Account) -> str:
        base = info.get("base_model") if isinstance(info, dict) else None
        if not isinstance(base, str):
            return ""
        if not VENDORS[api].needs_base_model:
            account.lose("/model_info/base_model", Reason.NO_BASE_MODEL, "its api has no reference models")
            return ""
        account.carry("/model_info/base_model")
        prefix, _, name = base.partition("/")
        return name if name and prefix in _APIS else base


def _split(params: Mapping[str, Any]) -> tuple[str, str]:
    """LiteLLM's provider and what that calls the model; ("", …) where it does not say."""
    model = params.get("model")
    if not isinstance(model, str) or not re.fullmatch(r"[!-~]{1,512}", model):
        return "", ""
    prefix, slash, rest = model.partition("/")
    custom = params.get("custom_llm_provider")
    if isinstance(custom, str):
        return custom, rest if slash and prefix == custom else model
    if slash and rest and prefix in _APIS:
        return prefix, rest.removeprefix("converse/") if prefix == "bedrock" else rest
    if not slash:
        return next((known for pattern, known in _BARE if pattern.fullmatch(model)), ""), model
    return "", model


def _headers(value: Any, account: Account) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, text in (value if isinstance(value, dict) else {}).items():
        at = pointer("litellm_params", "extra_headers", name)
        authenticates = re.search(r"auth|key|token|secret|cookie|password", name, re.IGNORECASE)
        if authenticates or (isinstance(text, str) and text.startswith(_ENVIRONMENT)):
            account.lose(at, Reason.SECRET)
        elif _HEADER.fullmatch(name) and isinstance(text, str) and re.fullmatch(r"[!-~](?:[ -~]*[!-~])?", text):
            headers[name] = text
            account.carry(at)
    return headers


def _lose_secrets(account: Account) -> None:
    """What looks like a secret by its name, or refers to the environment, is never carried."""
    for field in account.fields:
        named = _SECRET.search(field.rpartition("/")[2].lower()) or field.startswith("/environment_variables")
        value = account.value(field)
        refers = isinstance(value, str) and value.startswith(_ENVIRONMENT)
        if (named or refers) and not account.spoken_for(field):
            account.lose(field, Reason.SECRET)
