"""A catalog for the tests to change: as a directory or in a Git repository."""

import subprocess
from pathlib import Path

from engine.catalog.secret import new_secret, sha256_hex

CATALOG = "format: 1\n"

MODEL = """\
description: A model of the tests
type: custom
upstream_model: upstream-name
pricing: {{input_mtok: "{input}", output_mtok: "{output}"}}
owner: team-tests
{extra}"""

PROVIDER = """\
description: The tests' own upstream
api: openai-compatible
base_url: {origin}/v1
credential: none
{extra}"""


class CatalogDir:
    """A catalog in a directory: provider `test`, model `@test/model`, one key whose secret is `key`."""

    def __init__(self, root: Path, origin: str) -> None:
        self.root = root
        self.key = new_secret()
        self.write("catalog.yaml", CATALOG)
        self.provider(origin)
        self.price("1", "2")
        self.add_key("tests", self.key)

    def write(self, path: str, text: str) -> None:
        """Write one file."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def provider(self, origin: str, name: str = "test", extra: str = "") -> None:
        """Write a keyless provider."""
        self.write(f"providers/{name}.yaml", PROVIDER.format(origin=origin, extra=extra))

    def price(self, per_input: str, per_output: str, *, model: str = "model", extra: str = "") -> None:
        """Write `@test/<model>` with these rates, USD per million tokens."""
        self.write(f"models/test/{model}.yaml", MODEL.format(input=per_input, output=per_output, extra=extra))

    def add_key(self, name: str, secret: str, models: str = '["*"]', extra: str = "") -> None:
        """Write a key."""
        text = f"secrets: [{{sha256: {sha256_hex(secret)}}}]\nowner: team-tests\nmodels: {models}\n{extra}"
        self.write(f"keys/{name}.yaml", text)


class CatalogRepo(CatalogDir):
    """The same in a Git repository, under `catalog/` on `main`. Nothing is live before `commit`."""

    def __init__(self, root: Path, origin: str) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self.repo = root
        self.git("init", "-q", "-b", "main")
        self.git("config", "user.name", "tests")
        self.git("config", "user.email", "tests@example.invalid")
        self.git("config", "commit.gpgsign", "false")
        super().__init__(root / "catalog", origin)
        self.commit("begin")

    def git(self, *arguments: str) -> str:
        """Run git in the repository."""
        done = subprocess.run(
            ["git", "-C", str(self.repo), *arguments], check=True, capture_output=True, text=True, timeout=60
        )
        return done.stdout.strip()

    def git_input(self, text: str, *arguments: str) -> None:
        """Run git in the repository with this on its standard input."""
        subprocess.run(
            ["git", "-C", str(self.repo), *arguments], check=True, capture_output=True, input=text.encode(), timeout=60
        )

    def commit(self, message: str) -> str:
        """Commit everything; the commit's id."""
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)
        return self.git("rev-parse", "HEAD")
