"""What turns and answers are made of: text, pictures, tool calls, reasoning. One vocabulary for all wires.

Every block may carry `extra`, the fields that no other wire has, as the JSON they came as: an encoder of the wire that
they came from writes them back, any other names them as lost. `path` is the place in the client's request
("messages[3].content[1]"), so that what is lost or refused is called by the client's own name.
"""

import msgspec

Extra = dict[str, msgspec.Raw]


class CacheMark(msgspec.Struct, frozen=True):
    """The prompt up to here may be cached. `ttl` as the client wrote it ("5m", "1h"); `field` is the name it used."""

    ttl: str | None = None
    field: str = "cache_control"


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Where a picture, sound or file is: exactly one of `url`, `data` (base64), `file_id` and `text` is given.

    `mime` is "" where nobody says it. A `file_id` means something to one provider only.
    """

    url: str | None = None
    data: str | None = None
    file_id: str | None = None
    text: str | None = None
    mime: str = ""

    @property
    def data_url(self) -> str:
        """`url`, or `data` as a data URL (RFC 2397)."""
        return self.url if self.url is not None else f"data:{self.mime};base64,{self.data}"


def source_of_url(url: str) -> Source:
    """The source behind a URL; a base64 data URL is taken apart."""
    if url.startswith("data:"):
        head, comma, data = url.partition(",")
        if comma and head.endswith(";base64"):
            return Source(data=data, mime=head[5:].partition(";")[0])
    return Source(url=url)


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """What all blocks have."""

    path: str = ""
    cache: CacheMark | None = None
    extra: Extra = {}


class Citation(msgspec.Struct, frozen=True, kw_only=True):
    """Where a text has something from.

    `start` and `end` count characters of the text block that is annotated (end exclusive), None where the source stands
    for the whole block. `quote` is the passage of the source. `raw` is the JSON of `wire`, which alone may need more.
    """

    url: str | None = None
    title: str | None = None
    quote: str | None = None
    start: int | None = None
    end: int | None = None
    wire: str = ""
    raw: msgspec.Raw = msgspec.Raw(b"null")


class Text(Block, frozen=True, kw_only=True):
    """Text. `signature` is what a provider wants to see again with it."""

    text: str
    citations: tuple[Citation, ...] = ()
    signature: str | None = None


class Image(Block, frozen=True, kw_only=True):
    """A picture; `detail` is how closely to look ("auto", "low", "high", "original")."""

    source: Source
    detail: str | None = None


class Audio(Block, frozen=True, kw_only=True):
    """Sound, asked or answered. In a later turn an answered one is named by `id` alone, without a source."""

    source: Source | None = None
    transcript: str = ""
    id: str = ""
    expires_at: int | None = None


class File(Block, frozen=True, kw_only=True):
    """A document, or any other file, video included."""

    source: Source
    name: str = ""


class ToolCall(Block, frozen=True, kw_only=True):
    """The model calls a tool. `arguments` is the JSON text as the model wrote it, byte for byte; it may be broken JSON.

    `is_custom` says that the tool takes free text instead of JSON.
    """

    id: str
    name: str
    arguments: str
    is_custom: bool = False
    signature: str | None = None


class ToolResult(Block, frozen=True, kw_only=True):
    """What a tool gave back."""

    call_id: str
    content: "tuple[Block, ...]"
    is_error: bool = False


class Reasoning(Block, frozen=True, kw_only=True):
    """What the model thought: as text or as a summary, readable or not.

    `signature` proves `text`, `encrypted` stands instead of it; `maker` is the wire whose provider can read them, ""
    where that is not known. `id` is the provider's.
    """

    text: str = ""
    is_summary: bool = False
    signature: str | None = None
    encrypted: str | None = None
    id: str | None = None
    maker: str = ""


class Refusal(Block, frozen=True, kw_only=True):
    """The model says that it will not."""

    text: str


class ServerToolCall(Block, frozen=True, kw_only=True):
    """The provider itself calls one of its tools, such as a web search. `raw` is the block in the words of `wire`."""

    id: str
    name: str
    wire: str
    raw: msgspec.Raw


class ServerToolResult(Block, frozen=True, kw_only=True):
    """What the provider's own tool gave back. `raw` is the block in the words of `wire`."""

    call_id: str
    kind: str
    wire: str
    raw: msgspec.Raw


class Opaque(Block, frozen=True, kw_only=True):
    """A block that only `wire` has. `raw` is all of it."""

    kind: str
    wire: str
    raw: msgspec.Raw
