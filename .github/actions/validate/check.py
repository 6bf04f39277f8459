# ruff: noqa: INP001
"""One step of the action: `catalog validate`, its findings as annotations, their counts as outputs.

It does not fail by itself: the comment is written whatever the verdict is, and the last step gives it.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

COULD_NOT = 2


def main() -> int:
    """Write the outputs code, errors and warnings."""
    command = [sys.executable, "-I", "-m", "engine", "validate"]
    for option, name in (("--policy", "CATALOG_POLICY"), ("--base", "CATALOG_BASE_COMMIT")):
        if value := os.environ.get(name):
            command += [f"{option}={value}"]
    if os.environ.get("CATALOG_STRICT") == "true":
        command += ["--strict"]
    path = os.environ.get("CATALOG_PATH")
    paths = ["--", path] if path else []
    code = subprocess.run([*command, "--format=github", *paths], check=False).returncode
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        quiet = [*command, "--format=json", f"--output={report}", *paths]
        subprocess.run(quiet, check=False, capture_output=True)
        counts = json.loads(report.read_text()) if report.exists() else {}
    with Path(os.environ["GITHUB_OUTPUT"]).open("a") as outputs:
        outputs.write(f"code={code if code in {0, 1} else COULD_NOT}\n")
        outputs.writelines(f"{name}={int(counts[name])}\n" for name in ("errors", "warnings") if name in counts)
    return 0


if __name__ == "__main__":
    sys.exit(main())
