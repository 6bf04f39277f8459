"""Which name means which model: full names, offered reference models and aliases."""

from engine.catalog.document import pointer
from engine.catalog.drafts import Drafts
from engine.problem import Problem


def settle_offered(drafts: Drafts) -> list[Problem]:
    """A file of type base takes the place of the offered model of its name; any other file may not."""
    problems: list[Problem] = []
    for name in sorted(drafts.models.keys() & drafts.offered.keys()):
        draft, offered = drafts.models[name], drafts.offered.pop(name)
        if draft.value["type"] == "base":
            continue
        file = offered.owner.document
        place = f"{file.file}:{file.position(offered.pointer)[0]}"
        message = f"{name} is also the reference model that {place} offers"
        hint = "rename this file, or write type: base to reprice the reference model"
        problems.append(draft.document.problem("name-collision", message, "/type", hint=hint))
    for name in drafts.broken & drafts.offered.keys():
        del drafts.offered[name]
    return problems


def collect_aliases(drafts: Drafts) -> tuple[dict[str, str], list[Problem]]:
    """The model that each alias means."""
    problems: list[Problem] = []
    aliases: dict[str, str] = {}
    for name in sorted(drafts.models):
        document = drafts.models[name].document
        for index, alias in enumerate(document.value.get("aliases", ())):
            other = ""
            if alias in drafts.models or alias in drafts.offered or alias in drafts.broken:
                other = "this model's own name" if alias == name else f"the name of the model {alias}"
            elif alias in aliases:
                other = f"an alias of {aliases[alias]}"
            elif alias.startswith("@route/"):
                other = "reserved for routes"
            if other:
                message = f'the alias "{alias}" is already {other}'
                problems.append(document.problem("name-collision", message, pointer("aliases", index)))
            else:
                aliases[alias] = name
    return dict(sorted(aliases.items())), problems
