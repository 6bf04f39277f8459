"""A declarative GitOps engine for LLM models. The rooms are described in README.md, "The house"."""

__version__ = "0.1.0.dev0"
