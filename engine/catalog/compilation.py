"""One compilation. Pure: the same tree always gives the same, whatever is remembered of the one before.

    layout → reading → schema → drafts → names → bases → prices → models → routes → rules

Every stage goes on with what is usable, so that all problems of all files are told at once, and none twice.
"""

from collections.abc import Callable

from engine.catalog import rules
from engine.catalog.accepting import Accepting
from engine.catalog.bases import Bases, reference_name
from engine.catalog.budgets import build_budget
from engine.catalog.catalog import Catalog, Outcome
from engine.catalog.document import Document, file_problem
from engine.catalog.drafts import Drafts, ModelDraft, Offered, ProviderDraft, RouteDraft
from engine.catalog.hints import UPDATE, Hints
from engine.catalog.keys import build_key, duplicate_secrets
from engine.catalog.layout import LOCK_FILE, ROOT_FILE, Layout, Place, environment_of
from engine.catalog.memory import Memory
from engine.catalog.models import build_model, build_offered, check_model
from engine.catalog.names import Names, collect_names, settle_offered, with_aliases
from engine.catalog.prices import Prices
from engine.catalog.providers import build_provider, offered_models
from engine.catalog.rates import read_own
from engine.catalog.reading import read_yaml
from engine.catalog.routes import build_routes, check_route, resolve
from engine.catalog.schema import check
from engine.catalog.suggest import Suggestions
from engine.catalog.teams import build_team
from engine.catalog.vendors import reference_of
from engine.catalog.whole import Whole
from engine.model import Budget, Key, Model, Team
from engine.pricing.lock import Lock, LockError, parse_lock
from engine.pricing.reference import Found
from engine.problem import Problem, has_errors
from engine.tree import Tree

_REMOVED = {"remove": True}

_Locked = tuple[Lock | None, dict[tuple[str, str], Found | None]]


class Compilation:
    """A tree as it holds in one environment ("" is the base) on its way to a catalog."""

    def __init__(self, tree: Tree, environment: str, hints: Hints | None, layout: Layout, memory: Memory) -> None:
        self.tree = tree
        self.environment = environment
        self.problems: list[Problem] = []
        self.documents: dict[str, Document] = {}
        self.places: list[Place] = []
        self.drafts = Drafts(self.problems, hints)
        self.keys: dict[str, Key] = {}
        self.budgets: dict[str, Budget] = {}
        self.teams: dict[str, Team] = {}
        self._layout = layout
        self._memory = memory
        self._suggestions = Suggestions(())

    def run(self) -> Outcome:
        """All problems, and a catalog where none of them is an error."""
        self.read()
        self._read_lock()
        self._offer()
        self.drafts.names = self._names()
        models = self._models()
        whole = Whole(
            drafts=self.drafts,
            places=self.places,
            documents=self.documents,
            providers={name: draft.provider for name, draft in sorted(self.drafts.providers.items())},
            models=dict(sorted(models.items())),
            routes=dict(sorted(build_routes(self.drafts, self.problems).items())),
            keys=dict(sorted(self.keys.items())),
            budgets=dict(sorted(self.budgets.items())),
            teams=dict(sorted(self.teams.items())),
        )
        self.problems += duplicate_secrets(whole.keys, self.documents)
        self.problems += rules.check_whole(whole, self._memory, complete=not has_errors(self.problems))
        accepting = Accepting(self.documents)
        problems = tuple(sorted(accepting.without(self.problems), key=lambda each: (each.sort_key, each.pointer)))
        if has_errors(problems):
            return Outcome(problems)
        # A model that is left out without a word would be a call refused in production.
        assert models.keys() == self.drafts.models.keys() | self.drafts.offered.keys(), "every model or a problem"
        assert whole.routes.keys() == self.drafts.routes.keys(), "every route or a problem"
        return Outcome(problems, self._catalog(whole, accepting))

    def _catalog(self, whole: Whole, accepting: Accepting) -> Catalog:
        return Catalog(
            tree=self.tree,
            providers=whole.providers,
            models=whole.models,
            aliases=dict(whole.names.aliases),
            keys=whole.keys,
            routes=whole.routes,
            budgets=whole.budgets,
            teams=whole.teams,
            environment=self.environment,
            accepted=accepting.accepted,
            allow_shrink=self.documents[ROOT_FILE].value.get("allow_shrink", ""),
        )

    def read(self) -> None:
        """Documents of the right shape, and the drafts and structs made of each."""
        self._lay_out()
        self.places = [place for place in self.places if place.kind != "lock" and not self._is_removed(place)]
        self.problems += _teams_without_file(self.places, self.drafts.broken)
        self.places = [place for place in self.places if place.file in self.documents]
        for place in self.places:
            if place.kind == "provider":
                self._provider(place)
        self._suggestions = Suggestions(self.drafts.providers)
        for place in self.places:
            match place.kind:
                case "model":
                    self._model(place)
                case "route":
                    self._route(place)
                case "key":
                    self._key(place)
                case "budget":
                    self._budget(place)
                case "team":
                    self._team(place)
                case _:
                    pass

    def asked(self) -> set[tuple[str, str]]:
        """What the drafts use of the reference data, as (reference api, name or pattern)."""
        asked = {
            (draft.vendor.reference, name)
            for draft in self.drafts.providers.values()
            for name in draft.document.value.get("base_models", ())
        }
        for model in self.drafts.models.values():
            if model.base is not None and not model.base.startswith("@"):
                api, name = reference_name(model.base, model.owner.vendor.api)
                asked.add((reference_of(api), name))
        return asked

    def _lay_out(self) -> None:
        """The files that hold here. What is wrong in another environment is said when that one is compiled."""
        self.places = self._layout.chosen(self.environment)
        wrong = [*self.tree.problems, *self._layout.problems]
        wrong = [each for each in wrong if environment_of(each.file) in ("", self.environment)]
        self.problems += wrong
        self.drafts.broken |= {_name_of(each.file) for each in wrong}

    def _is_removed(self, place: Place) -> bool:
        """Read a file. Whether it says no more than that the base's file of its path does not hold here."""
        file = place.file
        document = self._memory.documents.recall(
            file, self.tree.blobs[file], self.problems, lambda problems: self._read(place, problems)
        )
        if document is None:
            self.drafts.broken.add(_name_of(place.path))
            return False
        if place.environment and document.value == _REMOVED:
            return True
        self.documents[file] = document
        return False

    def _read(self, place: Place, problems: list[Problem]) -> Document | None:
        """The document of a file; None where it cannot be used, which is a problem."""
        reading = read_yaml(self.tree.files[place.file], place.file)
        problems += reading.problems
        document = reading.document
        if document is None or (place.environment and document.value == _REMOVED):
            return document
        wrong = check(place.kind, document)
        problems += wrong
        if wrong:
            return None
        problems += rules.check_document(document)
        return document

    def _provider(self, place: Place) -> None:
        name, document, blob = place.name, self.documents[place.file], self.tree.blobs[place.file]
        draft = self._memory.providers.recall(
            place.file,
            (document,),
            self.problems,
            lambda problems: build_provider(name, document, blob, problems),
        )
        if draft is None:
            self.drafts.broken.add(f"@{name}")
        else:
            self.drafts.providers[name] = draft

    def _model(self, place: Place) -> None:
        document, owner = self.documents[place.file], self.drafts.providers.get(place.names[0])
        draft = self._memory.drafts.recall(
            place.file,
            (document, owner),
            self.problems,
            lambda problems: self._draft(place, document, owner, problems),
        )
        if draft is None:
            self.drafts.broken.add(place.name)
        elif (other := self.drafts.models.setdefault(draft.name, draft)) is not draft:
            self.problems.append(_same_name(place, document, other.document))

    def _draft(
        self, place: Place, document: Document, owner: ProviderDraft | None, problems: list[Problem]
    ) -> ModelDraft | None:
        provider, slug = place.names
        value = document.value
        problems += check_model(document, place.team)
        own = read_own(document, problems)
        if owner is None:
            if f"@{provider}" not in self.drafts.broken:
                message = f"there is no providers/{provider}.yaml for this model"
                hint = self._suggestions.did_you_mean(provider)
                problems.append(document.problem("unknown-provider", message, hint=hint))
            return None
        base: str | None = value.get("base_model")
        if base is None and value["type"] == "base" and owner.vendor.reference:
            base = slug
        based_on = base if base is not None and base.startswith("@") else None
        priced_as = based_on if value.get("pricing") == "inherit" else value.get("pricing")
        return ModelDraft(
            name=place.name,
            slug=slug,
            owner=owner,
            document=document,
            blob=self.tree.blobs[place.file],
            own=own,
            base=base,
            base_in_catalog=based_on,
            price_in_catalog=priced_as if isinstance(priced_as, str) and priced_as.startswith("@") else None,
            team=place.team,
        )

    def _route(self, place: Place) -> None:
        document = self.documents[place.file]
        wrong = check_route(document, place.team)
        self.problems += wrong
        if has_errors(wrong):
            self.drafts.broken.add(place.name)
            return
        draft = RouteDraft(place.name, place.names[0], document, self.tree.blobs[place.file], place.team)
        if (other := self.drafts.routes.setdefault(place.name, draft)) is not draft:
            self.problems.append(_same_name(place, document, other.document))

    def _key(self, place: Place) -> None:
        name, document, blob = place.name, self.documents[place.file], self.tree.blobs[place.file]
        key = self._memory.keys.recall(
            place.file,
            (document,),
            self.problems,
            lambda problems: build_key(name, document, blob, place.team, problems),
        )
        if key is not None and (other := self.keys.setdefault(name, key)) is not key:
            self.problems.append(_same_name(place, document, self.documents[other.file]))

    def _budget(self, place: Place) -> None:
        document = self.documents[place.file]
        budget = build_budget(place.name, document, self.tree.blobs[place.file], self.problems)
        if budget is not None:
            self.budgets[place.name] = budget

    def _team(self, place: Place) -> None:
        self.teams[place.name] = build_team(place.name, self.documents[place.file], self.tree.blobs[place.file])

    def _read_lock(self) -> None:
        data = self.tree.files.get(LOCK_FILE)
        if data is not None:
            self.drafts.lock, self.drafts.found = self._memory.lock.recall("", (data,), self.problems, _lock_of(data))
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
            offers = self._memory.offers.recall(
                draft.provider.name,
                (draft, self.drafts.lock),
                self.problems,
                lambda problems, draft=draft: offered_models(draft, self.drafts, problems),  # type: ignore[misc]
            )
            for offered in offers:
                self.drafts.offered.setdefault(offered.name, offered)
        self.problems += settle_offered(self.drafts)

    def _names(self) -> Names:
        drafts = self.drafts
        aliases = {name: document.value["aliases"] for name, document in with_aliases(drafts)}
        given = (drafts.models.keys(), drafts.routes.keys(), drafts.offered.keys(), drafts.broken, aliases)
        inputs = tuple(frozenset(names) for names in given[:4])
        return self._memory.names.recall(
            "",
            (*inputs, aliases),
            self.problems,
            lambda problems: collect_names(drafts, problems),
        )

    def _models(self) -> dict[str, Model]:
        drafts = self.drafts
        bases = Bases(drafts)
        prices = Prices(drafts, bases)
        replacements = Suggestions((*drafts.names.full, *drafts.names.aliases))
        models: dict[str, Model] = {}

        def build(draft: ModelDraft, replacement: str, problems: list[Problem]) -> Model | None:
            base = bases.of(draft, problems)
            priced = prices.of(draft, base, problems)
            problems += rules.check_model(draft, base, priced)
            return build_model(draft, base, priced, replacement, problems) if priced and base.usable else None

        for name, draft in drafts.models.items():
            behind: tuple[ModelDraft | Offered | None, ...] = ()
            if draft.base_in_catalog or draft.price_in_catalog:
                behind = self._behind(bases.chain(draft), prices.chain(draft))
            replacement = ""
            if "lifecycle" in draft.value and (asked := draft.value["lifecycle"].get("replacement")):
                document = draft.document
                at = "/lifecycle/replacement"
                replacement = resolve(drafts, document, at, asked, replacements, self.problems)
            model = self._memory.models.recall(
                draft.document.file,
                (draft, drafts.lock, behind, replacement),
                self.problems,
                lambda problems, draft=draft, replacement=replacement: build(draft, replacement, problems),  # type: ignore[misc]
            )
            if model is not None:
                models[name] = model
        for offered in drafts.offered.values():
            models[offered.name] = self._memory.offered.recall(
                offered.name,
                (offered,),
                self.problems,
                lambda _, offered=offered: build_offered(offered),  # type: ignore[misc]
            )
        return models

    def _behind(self, *chains: tuple[str, ...] | None) -> tuple[ModelDraft | Offered | None, ...]:
        """What the names of chains stand for; a chain that cannot be used is an error, and those are not remembered."""
        names = [name for chain in chains for name in (*(chain or ()), "")]
        return tuple(self.drafts.models.get(name) or self.drafts.offered.get(name) for name in names)


def _lock_of(data: bytes) -> Callable[[list[Problem]], _Locked]:
    def parse(problems: list[Problem]) -> _Locked:
        try:
            return parse_lock(data), {}
        except LockError as error:
            problems.append(file_problem("lock-invalid", LOCK_FILE, str(error)))
            return None, {}

    return parse


def _name_of(path: str) -> str:
    """The name that a file's contents would have, as `Drafts.broken` keeps it."""
    parts = path.removesuffix(".yaml").removesuffix(".yml").split("/")
    if parts[0] == "environments":
        parts = parts[2:]
    if parts[:1] == ["teams"]:
        parts = parts[2:]
    if parts[:1] == ["providers"]:
        return f"@{parts[-1]}"
    if parts[:1] == ["routes"]:
        return f"@route/{parts[-1]}"
    return f"@{'/'.join(parts[1:])}" if parts[:1] == ["models"] else path


def _same_name(place: Place, document: Document, other: Document) -> Problem:
    message = f'{other.file} is called "{place.name}" as well'
    return document.problem("name-collision", message, hint="rename one of the two")


def _teams_without_file(places: list[Place], broken: set[str]) -> list[Problem]:
    declared = {place.team for place in places if place.kind == "team"}
    missing = sorted({place.team for place in places} - declared - {""})
    return [
        file_problem(
            "missing-file",
            f"teams/{team}/team.yaml",
            "this team has files, and no team.yaml",
            hint='make it, for example with the line "description: Customer support"',
        )
        for team in missing
        if f"teams/{team}/team.yaml" not in broken
    ]
