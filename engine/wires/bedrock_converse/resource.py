"""Where Bedrock's runtime has a model.

Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
"""

import re
from typing import Final

from engine.model import Model

_NOT_IN_PATHS: Final = re.compile(rb"[^a-zA-Z0-9_.~-]")


def resource(model: Model, operation: str) -> str:
    """The path of an operation; ids may be ARNs, of which no part may look like a path."""
    model_id = _NOT_IN_PATHS.sub(lambda found: b"%%%02X" % found[0][0], model.upstream_model.encode()).decode()
    return f"/model/{model_id}/{operation}"
