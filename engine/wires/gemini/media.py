"""Pictures, sound and files → Gemini's parts.

Sources: https://ai.google.dev/gemini-api/docs/file-input-methods,
https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference#filedata
"""

from typing import Any, Final

from engine.model import Model
from engine.wires.blocks import Audio, File, Image
from engine.wires.conversation import Conversation
from engine.wires.gemini.generations import generation
from engine.wires.losses import Losses

# Gemini wants the type of what it fetches: it is taken from the URL's end.
_MIME_OF: Final = {
    **{end: f"image/{end}" for end in ("png", "jpeg", "webp", "gif", "heic", "heif")},
    **{end: f"audio/{end}" for end in ("mp3", "wav", "flac", "ogg", "aac", "aiff", "m4a")},
    **{end: f"video/{end}" for end in ("mp4", "webm", "mpeg", "avi")},
    **{end: f"text/{end}" for end in ("html", "csv")},
    "jpg": "image/jpeg",
    "mov": "video/quicktime",
    "mpg": "video/mpeg",
    "htm": "text/html",
    "md": "text/markdown",
    "txt": "text/plain",
    "pdf": "application/pdf",
    "json": "application/json",
}
_DEFAULT_MIME: Final = {Image: "image/jpeg", Audio: "audio/wav", File: "application/pdf"}
_YOUTUBE: Final = ("https://www.youtube.com/", "https://youtube.com/", "https://youtu.be/")
_OWN_FILES: Final = "https://generativelanguage.googleapis.com/"


class MediaWriter:
    """Writes what a client shows the model, and names what it cannot carry."""

    def __init__(self, conversation: Conversation, model: Model, losses: Losses) -> None:
        self._losses = losses
        self._filename = ".file.filename" if conversation.wire.startswith("openai-") else ".title"
        self._is_vertex = model.api == "google-vertex"
        self._fetches = self._is_vertex or generation(model) != "before thinking"

    def part(self, block: Image | Audio | File) -> dict[str, Any]:
        """One part."""
        losses = self._losses
        if isinstance(block, Image) and block.detail not in (None, "auto"):
            losses.drop(f"{block.path}.image_url.detail")
        if isinstance(block, File) and block.name:
            losses.drop(f"{block.path}{self._filename}")
        source = block.source
        if source is None:
            raise losses.refusal(block.path, "what another model spoke cannot be sent by its id")
        if source.text is not None:
            return {"text": source.text}
        default = _DEFAULT_MIME[type(block)]
        if source.data is not None:
            return {"inlineData": {"mimeType": source.mime or default, "data": source.data}}
        uri = source.url or source.file_id or ""
        self._check(uri, block.path)
        return {"fileData": {"mimeType": source.mime or _mime_of(uri) or default, "fileUri": uri}}

    def _check(self, uri: str, path: str) -> None:
        """AI Studio fetches https and its own files, Vertex also http and what lies in Cloud Storage."""
        if "://" not in uri:
            raise self._losses.refusal(path, "a file id means nothing to another provider")
        if uri.startswith(("gs://", "http://")) and self._is_vertex:
            return
        if not uri.startswith("https://"):
            raise self._losses.refusal(path, "its provider fetches no URL of this kind")
        if not self._fetches and not uri.startswith((_OWN_FILES, *_YOUTUBE)):
            raise self._losses.refusal(path, "this model fetches no URLs: send it as data")


def _mime_of(uri: str) -> str | None:
    path = uri.partition("?")[0].partition("#")[0]
    if path.startswith(_YOUTUBE):
        return "video/mp4"
    return _MIME_OF.get(path.rpartition(".")[2].lower())
