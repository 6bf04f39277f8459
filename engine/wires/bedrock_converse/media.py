"""Pictures, documents, films and sound: Converse's word for each type of file.

Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ContentBlock.html
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from engine.wires.blocks import Source

Forms = Mapping[str, str]

_OPEN_XML: Final = "application/vnd.openxmlformats-officedocument"

IMAGES: Final[Forms] = MappingProxyType(
    {
        "image/png": "png",
        "image/jpeg": "jpeg",
        "image/jpg": "jpeg",
        "image/gif": "gif",
        "image/webp": "webp",
    }
)
DOCUMENTS: Final[Forms] = MappingProxyType(
    {
        "application/pdf": "pdf",
        "text/csv": "csv",
        "application/msword": "doc",
        f"{_OPEN_XML}.wordprocessingml.document": "docx",
        "application/vnd.ms-excel": "xls",
        f"{_OPEN_XML}.spreadsheetml.sheet": "xlsx",
        "text/html": "html",
        "text/plain": "txt",
        "text/markdown": "md",
    }
)
VIDEOS: Final[Forms] = MappingProxyType(
    {
        "video/x-matroska": "mkv",
        "video/quicktime": "mov",
        "video/mp4": "mp4",
        "video/webm": "webm",
        "video/x-flv": "flv",
        "video/mpeg": "mpeg",
        "video/mpg": "mpg",
        "video/x-ms-wmv": "wmv",
        "video/wmv": "wmv",
        "video/3gpp": "three_gp",
    }
)
SOUNDS: Final[Forms] = MappingProxyType(
    {
        "audio/mpeg": "mp3",
        "audio/mp3": "mp3",
        "audio/opus": "opus",
        "audio/wav": "wav",
        "audio/x-wav": "wav",
        "audio/aac": "aac",
        "audio/flac": "flac",
        "audio/mp4": "mp4",
        "audio/m4a": "m4a",
        "audio/ogg": "ogg",
        "audio/x-matroska": "mka",
        "audio/pcm": "pcm",
        "audio/pcm16": "pcm",
        "audio/webm": "webm",
    }
)

# How the base64 of a file begins, where nobody says its type.
_BEGINNINGS: Final = {"iVBORw0KGgo": "png", "/9j/": "jpeg", "R0lGOD": "gif", "UklGR": "webp", "JVBERi0": "pdf"}
_ENDINGS: Final = {"jpg": "jpeg", "3gp": "three_gp", "htm": "html"}


def form_of(source: Source, forms: Forms, name: str = "") -> str | None:
    """The word for a file's form: by its type, else by its name or URL, else by how it begins; None for another."""
    mime = source.mime.partition(";")[0].strip().lower()
    if mime in forms:
        return forms[mime]
    if mime.startswith("text/") and forms is DOCUMENTS:
        return "txt"
    if mime not in ("", "application/octet-stream"):
        return None
    for named in (name, source.url or ""):
        ending = named.rpartition(".")[2].lower()
        ending = _ENDINGS.get(ending, ending)
        if ending in forms.values():
            return ending
    found = next((form for start, form in _BEGINNINGS.items() if (source.data or "").startswith(start)), "")
    return found if found in forms.values() else None
