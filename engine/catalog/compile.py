"""The compiler: one tree of files becomes problems or one catalog. Pure: the same tree always gives the same.

    layout → reading → schema → drafts → names → bases → prices → models, keys → warnings

Every stage goes on with what is usable, so that all problems of all files are told at once, and none twice.
"""

import msgspec

from engine.catalog.bases import reference_name, resolve_bases
from engine.catalog.codes import CODES
from engine.catalog.document import Document, file_problem, pointer
from engine.catalog.drafts import Drafts, ModelDraft, Offered
from engine.catalog.hints import UPDATE, Hints
from engine.catalog.keys import build_key, duplicate_secrets, patterns_matching_nothing
from engine.catalog.layout import LOCK_FILE, Place, lay_out
from engine.catalog.models import build_model, build_offered, check_model
from engine.catalog.names import collect_aliases, settle_offered
from engine.catalog.prices import Prices, read_own
from engine.catalog.providers import build_provider, offered_models
from engine.catalog.reading import read_yaml
from engine.catalog.schema import check
from engine.catalog.suggest import Suggestions, did_you_mean
from engine.catalog.vendors import reference_of
from engine.model import Key, Model, Provider
from engine.pricing.lock import LockError, parse_lock
from engine.problem import Problem, Severity, has_errors
from engine.tree import Tree


class Catalog(msgspec.Struct, frozen=True):
    """One compiled catalog and the tree that it was made of. `aliases` maps an alias to a model's name."""

    tree: Tree
    providers: dict[str, Provider]
    models: dict[str, Model]
    aliases: dict[str, str]
    keys: dict[str, Key]


class Outcome(msgspec.Struct, frozen=True):
    """What came of a tree: all problems, sorted for reading, and a catalog where none of them is an error."""

    problems: tuple[Problem, ...]
    catalog: Catalog | None = None


def compile_catalog(tree: Tree, *, hints: Hints | None = None) -> Outcome:
    """Compile a tree. Never raises for what the tree contains."""
    return _Compiler(tree, hints).run()


def asked_of_reference(tree: Tree) -> list[tuple[str, str]]:
    """What a tree uses of the reference data, as (reference api, name or pattern): what a lock is built from.

    Documents that cannot be used ask nothing.
    """
    compiler = _Compiler(tree, None)
    compiler.read()
    asked = {
        (draft.vendor.reference, name)
        for draft in compiler.drafts.providers.values()
        for name in draft.document.value.get("base_models", ())
    }
    for model in compiler.drafts.models.values():
        if model.base is not None and not model.base.startswith("@"):
            api, name = reference_name(model.base, model.owner.vendor.api)
            asked.add((reference_of(api), name))
    return sorted(pair for pair in asked if pair[0])


class _Compiler:
    def __init__(self, tree: Tree, hints: Hints | None) -> None:
        self.tree = tree
        self.problems: list[Problem] = list(tree.problems)
        self.documents: dict[str, Document] = {}
        self.drafts = Drafts({}, {}, {}, set(), self.problems, hints)
        self.keys: dict[str, tuple[Key, Document]] = {}
        self.provider_suggestions = Suggestions(())

    def run(self) -> Outcome:
        self.read()
        self._read_lock()
        self._offer()
        aliases, wrong = collect_aliases(self.drafts)
        self.problems += wrong
        models = self._models()
        self.problems += duplicate_secrets(self.keys)
        if not has_errors(self.problems):
            self.problems += patterns_matching_nothing(self.keys, frozenset((*models, *aliases)))
        kept = _after_accept(self.problems, self.documents)
        problems = tuple(sorted(kept, key=lambda problem: problem.sort_key))
        if has_errors(problems):
            return Outcome(problems)
        # A model that is left out without a word would be a call refused in production.
        assert models.keys() == self.drafts.models.keys() | self.drafts.offered.keys(), "every model or a problem"
        providers = {name: draft.provider for name, draft in sorted(self.drafts.providers.items())}
        keys = {name: key for name, (key, _) in sorted(self.keys.items())}
        return Outcome(problems, Catalog(self.tree, providers, dict(sorted(models.items())), aliases, keys))

    def read(self) -> None:
        """Documents of the right shape, and the drafts and keys made of them."""
        unreadable = frozenset(problem.file for problem in self.tree.problems)
        places, wrong = lay_out(self.tree.files, unreadable=unreadable)
        self.problems += wrong
        self.drafts.broken |= {_name_of(path) for path in unreadable | {problem.file for problem in wrong}}
        for place in places:
            if place.kind != "lock":
                self._read_document(place)
        for place in places:
            if place.kind == "provider" and place.file in self.documents:
                self._provider(place)
        self.provider_suggestions = Suggestions(self.drafts.providers)
        for place in places:
            if place.file in self.documents:
                if place.kind == "model":
                    self._model(place)
                elif place.kind == "key":
                    self._key(place)

    def _read_document(self, place: Place) -> None:
        reading = read_yaml(self.tree.files[place.file], place.file)
        self.problems += reading.problems
        wrong = [] if reading.document is None else check(place.kind, reading.document)
        self.problems += wrong
        if reading.document is None or wrong:
            self.drafts.broken.add(_name_of(place.file))
        else:
            self.documents[place.file] = reading.document

    def _provider(self, place: Place) -> None:
        name = place.names[0]
        draft = build_provider(name, self.documents[place.file], self.tree.blobs[place.file], self.problems)
        if draft is None:
            self.drafts.broken.add(f"@{name}")
        else:
            self.drafts.providers[name] = draft

    def _model(self, place: Place) -> None:
        provider, slug = place.names
        name, document = f"@{provider}/{slug}", self.documents[place.file]
        self.problems += check_model(document)
        own = read_own(document, self.problems)
        owner = self.drafts.providers.get(provider)
        if owner is None:
            self.drafts.broken.add(name)
            if f"@{provider}" not in self.drafts.broken:
                message = f"there is no providers/{provider}.yaml for this model"
                hint = self.provider_suggestions.did_you_mean(provider)
                self.problems.append(document.problem("unknown-provider", message, hint=hint))
            return
        self.drafts.models[name] = ModelDraft(name, slug, owner, document, self.tree.blobs[place.file], own)

    def _key(self, place: Place) -> None:
        name = place.names[0]
        key = build_key(name, self.documents[place.file], self.tree.blobs[place.file], self.problems)
        if key is not None:
            self.keys[name] = (key, self.documents[place.file])

    def _read_lock(self) -> None:
        data = self.tree.files.get(LOCK_FILE)
        if data is not None:
            try:
                self.drafts.lock = parse_lock(data)
            except LockError as error:
                self.problems.append(file_problem("lock-invalid", LOCK_FILE, str(error)))
        elif not any(problem.file == LOCK_FILE for problem in self.tree.problems) and (uses := self._first_use()):
            message = f"reference.lock is missing, and {uses} uses the reference data"
            self.problems.append(file_problem("lock-missing", LOCK_FILE, message, hint=UPDATE))

    def _first_use(self) -> str:
        for draft in self.drafts.providers.values():
            if draft.vendor.reference and draft.document.value.get("base_models"):
                return draft.document.place("/base_models")
        for model in self.drafts.models.values():
            if model.base is not None and not model.base.startswith("@"):
                api, _ = reference_name(model.base, model.owner.vendor.api)
                if reference_of(api):
                    return model.document.place("/base_model")
        return ""

    def _offer(self) -> None:
        for draft in self.drafts.providers.values():
            for offered in offered_models(draft, self.drafts):
                self.drafts.offered.setdefault(offered.name, offered)
        self.problems += settle_offered(self.drafts)

    def _models(self) -> dict[str, Model]:
        drafts, problems = self.drafts, self.problems
        bases = resolve_bases(drafts)
        prices = Prices(drafts, bases)
        models: dict[str, Model] = {}
        for name, draft in drafts.models.items():
            priced = prices.of(draft)
            if priced is not None and priced.pricing.kind == "unpriced":
                problems.append(_unpriced(draft))
            if priced is not None and bases[name].usable:
                models[name] = build_model(draft, bases[name], priced)
        for offered in drafts.offered.values():
            models[offered.name] = build_offered(offered)
            if models[offered.name].pricing.kind == "unpriced":
                problems.append(_unpriced_offer(offered))
        return models


def _name_of(path: str) -> str:
    """The name that a file's contents would have, as `Drafts.broken` keeps it."""
    parts = path.removesuffix(".yaml").removesuffix(".yml").split("/")
    if parts[0] == "providers":
        return f"@{parts[-1]}"
    return f"@{'/'.join(parts[1:])}" if parts[0] == "models" else path


def _unpriced(draft: ModelDraft) -> Problem:
    hint = "write its rates, inherit, or free; or accept this warning with the reason"
    return draft.document.problem("unpriced", f"{draft.name} has no price: its calls have an unknown cost", hint=hint)


def _unpriced_offer(offered: Offered) -> Problem:
    why = offered.found.model.unpriced or "the reference data has no price"
    message = f"{offered.name} has no price: {why}"
    hint = "write a file of type base with its rates"
    return offered.owner.document.problem("unpriced", message, offered.pointer, hint=hint)


def _after_accept(problems: list[Problem], documents: dict[str, Document]) -> list[Problem]:
    """Without the warnings that their file accepts; with one for what accepts nothing, where all is known."""
    accepting = {
        file: doc for file, doc in documents.items() if isinstance(doc.value, dict) and doc.value.get("accept")
    }
    used: set[tuple[str, str]] = set()
    kept: list[Problem] = []
    for problem in problems:
        document = accepting.get(problem.file)
        if document is not None and problem.severity is Severity.WARNING and problem.code in document.value["accept"]:
            used.add((problem.file, problem.code))
        else:
            kept.append(problem)
    if has_errors(kept):
        return kept
    for file, document in accepting.items():
        unused = [code for code in document.value["accept"] if (file, code) not in used]
        kept += [_unused_accept(document, code) for code in unused]
    return kept


def _unused_accept(document: Document, code: str) -> Problem:
    message = f'"{code}" is accepted, and there is no such warning in this file'
    warnings = [known for known, (severity, _) in CODES.items() if severity is Severity.WARNING]
    hint = "remove it" if code in warnings else did_you_mean(code, warnings) or f"warnings are: {', '.join(warnings)}"
    return document.problem("unused-accept", message, pointer("accept", code), at="key", hint=hint)
