"""Where recorded exchanges with providers are read from: beside the checkout, or another folder of the same form."""

import os
from pathlib import Path

WIRE_FOLDER = Path(os.environ.get("WIRE_RECORDINGS") or Path(__file__).resolve().parents[3] / "shared" / "wire")
