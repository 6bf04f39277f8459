"""`catalog add`: the form for a new model. Every question is also a flag."""

import shlex
import time
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

if TYPE_CHECKING:
    from engine.authoring.form import Answers, Form
    from engine.catalog.compile import Catalog, Compiler
    from engine.tree import Tree

_TYPES = ("fine-tuned", "custom", "base")


@click.command()
@click.option("--provider", help="Whose model it is: a provider of the catalog.")
@click.option("--slug", help="Its name: it will be called @PROVIDER/SLUG.")
@click.option("--description", help="What it is for.")
@click.option("--type", "type_", type=click.Choice(_TYPES), help="What kind of model it is.")
@click.option("--base-model", help="The existing model that it is compatible with.")
@click.option("--upstream-model", help="What the provider calls it. Default: the slug.")
@click.option("--price", "rates", multiple=True, metavar="KEY=USD", help="An own rate: input_mtok=0.20. Repeatable.")
@click.option("--inherit", "how", flag_value="inherit", help="It costs what its base model costs.")
@click.option("--free", "how", flag_value="free", help="It costs nothing.")
@click.option("--unpriced", "how", flag_value="unpriced", help="Its cost is unknown.")
@click.option("--owner", help="The team that answers for it.")
@click.option("--label", "labels", multiple=True, metavar="NAME=VALUE", help="A free name and value. Repeatable.")
@click.option("--team", default="", help="Put it below this team; the team then owns it.")
@click.option("--catalog", "path", metavar="DIR", help="The catalog's directory. Default: catalog/ here, or here.")
def add(path: str | None, **flags: object) -> int:
    """Add a model: answer questions, or give flags; the file is checked with all others before it is written.

    Asks for what is not given, on a terminal. Updates reference.lock where the base model is new to the catalog. Says
    which Git commands come next.
    """
    from engine.authoring.adding import with_files
    from engine.authoring.files import create, replace
    from engine.authoring.form import Form
    from engine.catalog.compile import Compiler
    from engine.catalog.layout import LOCK_FILE
    from engine.cli.asking import confirm, interactive
    from engine.cli.catalogs import find_catalog, read_catalog
    from engine.pricing.reference import load

    root = find_catalog(path)
    tree = read_catalog(root)
    compiler = Compiler()
    form = Form(_sound(tree, root, compiler), load)
    asked = _Interview(form, _checked(flags, form), may_ask=interactive())
    answers = asked.answers()
    data = answers.text(tree.files).encode()
    lock = _lock(tree, with_files(tree, {answers.file: data}), root, form)
    files = {answers.file: data} | ({} if lock is None else {LOCK_FILE: lock})
    click.echo(f"\n{root / answers.file}\n")
    click.echo("".join(f"    {line}\n" for line in data.decode().splitlines()))
    _refuse_errors(with_files(tree, files), answers, root, form, compiler)
    if asked.has_asked and not confirm("Write it?", default=True):
        click.echo("Nothing was written.")
        return 1
    if lock is not None:
        (replace if LOCK_FILE in tree.files else create)(root / LOCK_FILE, lock)
        click.echo(f"Wrote {root / LOCK_FILE}: it has {answers.base_model} now.")
    create(root / answers.file, data)
    click.echo(f"Wrote {root / answers.file}: {answers.name}\n")
    click.echo(_next_steps(answers, [str(root / file) for file in sorted(files)]))
    return 0


def _sound(tree: "Tree", root: Path, compiler: "Compiler") -> "Catalog":
    """The catalog as it is, without errors: else nobody could tell what the new file does to it."""
    from engine.catalog.compile import merged
    from engine.errors import UserError
    from engine.problem import Severity

    outcomes = compiler.compile_all(tree)
    count = sum(problem.severity is Severity.ERROR for problem in merged(outcomes))
    catalog = outcomes[""].catalog
    if count or catalog is None:
        message = f"The catalog in {root} has {count} error{'' if count == 1 else 's'}; nothing was added."
        raise UserError(message, hint=f"Mend it first: see `catalog validate {root}`.", exit_code=1)
    return catalog


def _checked(flags: dict[str, object], form: "Form") -> dict[str, object]:
    """The flags that are given, each of them right.

    Raises:
        UserError: one is not.
    """
    from engine.authoring.form import name_fault, rate_fault
    from engine.errors import UserError

    given: dict[str, object] = {name: value for name, value in flags.items() if value not in (None, ())}
    if "rates" in given and "how" in given:
        raise UserError(f"--price and --{given['how']} do not go together.")
    faults: list[str] = []
    for name, separated in (("rates", "--price"), ("labels", "--label")):
        pairs = [str(pair).partition("=") for pair in given.get(name, ())]  # type: ignore[attr-defined]
        faults += [f"{separated} {''.join(pair)}: write NAME=VALUE" for pair in pairs if not pair[1]]
        given[name] = {key: value for key, _, value in pairs}
        if name == "rates":
            faults += [fault for key, equals, value in pairs if equals and (fault := rate_fault(key, value))]
    provider, slug, team = (str(given.get(name, "")) for name in ("provider", "slug", "team"))
    if provider and (fault := form.provider_fault(provider)):
        faults.append(fault)
    elif provider:
        if slug:
            faults.append(form.slug_fault(provider, slug, team))
        if "base_model" in given:
            faults.append(form.base_fault(provider, str(given["base_model"])))
    faults += [name_fault(str(given.get("owner", ""))), name_fault(team)]
    if wrong := [fault for fault in faults if fault]:
        raise UserError(f"Nothing was added: {'; '.join(wrong)}", exit_code=1)
    return given


class _Interview:
    """Takes each answer from the flags, or asks for it."""

    def __init__(self, form: "Form", given: dict[str, object], *, may_ask: bool) -> None:
        self.form = form
        self.given = given
        self.may_ask = may_ask
        self.has_asked = False

    def answers(self) -> "Answers":
        """All answers.

        Raises:
            UserError: some are missing, and there is nobody to ask.
        """
        from engine.authoring.form import Answers, name_fault

        self.has_asked = self._ask_or_refuse()
        form, team = self.form, str(self.given.get("team", ""))
        provider = self._text("provider", "Provider", fault=form.provider_fault, names=list(form.catalog.providers),
                              default=self._only_provider())  # fmt: skip
        slug = self._text("slug", f"Slug (it will be called @{provider}/SLUG)",
                          fault=lambda text: form.slug_fault(provider, text, team))  # fmt: skip
        description = self._text("description", "What it is for", fault=lambda text: "" if text else "say it in a line")
        type_ = self._type()
        base = self._base(provider)
        upstream = self._text("upstream_model", f"What {provider} calls it", default=slug)
        price = self._price(provider, base)
        owner = (
            "" if team else self._text("owner", "Owner, the team that answers for it (Enter: none)", fault=name_fault)
        )
        labels = self.given["labels"] or self._labels()
        assert isinstance(labels, dict)
        return Answers(
            provider=provider, slug=slug, description=description, type=type_, base_model=base, upstream_model=upstream,
            price=price, owner=owner, labels=labels, team=team,
        )  # fmt: skip

    def _ask_or_refuse(self) -> bool:
        """Whether anything that is needed is missing, and can be asked."""
        from engine.errors import UserError

        missing = [f"--{name}" for name in ("provider", "slug", "description") if name not in self.given]
        if "type_" not in self.given:
            missing.append("--type")
        provider = self.given.get("provider")
        if "base_model" not in self.given and (provider is None or self.form.vendor(str(provider)).needs_base_model):
            missing.append("--base-model")
        if "how" not in self.given and not self.given["rates"]:
            missing.append("--price KEY=USD (or --inherit, --free, --unpriced)")
        if missing and not self.may_ask:
            raise UserError(
                f"Nothing was added, these are missing: {', '.join(missing)}.", hint="See catalog add --help."
            )
        return bool(missing)

    def _only_provider(self) -> str:
        providers = list(self.form.catalog.providers)
        return providers[0] if len(providers) == 1 else ""

    def _text(self, name: str, question: str, *, default: str = "", **how: object) -> str:
        from engine.cli.asking import ask

        if name in self.given:
            return str(self.given[name])
        return ask(question, default=default, **how) if self.has_asked else default  # type: ignore[arg-type]

    def _type(self) -> str:
        from engine.cli.asking import choose

        if "type_" in self.given:
            return str(self.given["type_"])
        return choose("Type", _TYPES, default="fine-tuned")

    def _base(self, provider: str) -> str:
        vendor = self.form.vendor(provider)
        names = self.form.base_names(provider) if self.has_asked and "base_model" not in self.given else []
        optional = "" if vendor.needs_base_model else " (Enter: none)"
        return self._text("base_model", f"Base model{optional}; Tab completes", names=names,
                          fault=lambda text: self.form.base_fault(provider, text))  # fmt: skip

    def _price(self, provider: str, base: str) -> dict[str, str] | Literal["inherit", "free", "unpriced"]:
        from engine.cli.asking import confirm
        from engine.reports.neutral import neutral

        if self.given["rates"]:
            return self.given["rates"]  # type: ignore[return-value]
        if "how" in self.given:
            return self.given["how"]  # type: ignore[return-value]
        listed = self.form.list_rates(provider, base, time.time_ns())
        if listed:
            click.echo(f"  {neutral(base)} costs {', '.join(f'{key} {rate}' for key, rate in listed.items())}")
            if not confirm("Own price? No: the same", default=False):
                return "inherit"
        if not listed and not confirm("Own price?", default=True):
            return "free" if confirm("Does it cost nothing? No: its cost is unknown", default=False) else "unpriced"
        return self._rates(listed)

    def _rates(self, listed: dict[str, str]) -> dict[str, str]:
        from engine.authoring.form import meters_to_ask, rate_fault, unit_of
        from engine.cli.asking import ask
        from engine.pricing.meters import BY_PRICE_KEY

        rates: dict[str, str] = {}

        def rate(key: str) -> None:
            listing = f", list price {listed[key]}" if key in listed else ""
            answer = ask(f"  {key}, {unit_of(key)}{listing}", fault=lambda text: rate_fault(key, text) if text else "")
            if answer:
                rates[key] = answer

        click.echo("  Plain decimals such as 0.20; Enter where there is none.")
        while not rates:
            for key in meters_to_ask(listed):
                rate(key)
            while key := ask(
                "  Another price key (Enter: no more)", names=list(BY_PRICE_KEY),
                fault=lambda text: rate_fault(text, "0") if text else "",
            ):  # fmt: skip
                rate(key)
        return rates

    def _labels(self) -> dict[str, str]:
        from engine.cli.asking import ask

        labels: dict[str, str] = {}
        while self.has_asked and (
            pair := ask(
                "Label, NAME=VALUE (Enter: no more)", fault=lambda text: "" if "=" in text or not text else "NAME=VALUE"
            )
        ):
            name, _, value = pair.partition("=")
            labels[name] = value
        return labels


def _lock(before: "Tree", after: "Tree", root: Path, form: "Form") -> bytes | None:
    from engine.authoring.adding import LockBehind, extended_lock
    from engine.errors import UserError

    try:
        return extended_lock(before, after, lambda: form.reference)
    except LockBehind as behind:
        change = behind.others[0]
        message = (
            f"reference.lock is older than genai-prices {behind.version}: extending it would change other models too "
            f"({len(behind.others)} changes, such as {change.model} {change.what} {change.before or '-'} → {change.after})."
        )
        hint = f"Run `catalog reference update {root}` first, as a change of its own."
        raise UserError(message, hint=hint, exit_code=1) from None


def _refuse_errors(tree: "Tree", answers: "Answers", root: Path, form: "Form", compiler: "Compiler") -> None:
    """Compile all with the new file, in every environment; say what is wrong, and stop where that is an error."""
    import msgspec

    from engine.catalog.compile import merged
    from engine.cli.catalogs import report_of, wants_color
    from engine.errors import UserError
    from engine.problem import has_errors
    from engine.reports import render

    outcomes = compiler.compile_all(tree)
    failed = has_errors(merged(outcomes))
    if failed:
        outcomes = compiler.compile_all(tree, hints=form.reference)
    told = tuple(problem for problem in merged(outcomes) if failed or problem.file == answers.file)
    if told:
        report = msgspec.structs.replace(report_of(outcomes[""], tree, root), problems=told)
        click.echo(render(report, "text", color=wants_color()), color=True)
    if failed:
        raise UserError("The catalog would have errors; nothing was written.", exit_code=1)


def _next_steps(answers: "Answers", paths: list[str]) -> str:
    branch = f"add-{answers.provider}-{answers.slug}"
    return "\n".join(
        (
            "Next:",
            f"    git switch -c {shlex.quote(branch)}",
            f"    git add {shlex.join(paths)}",
            f"    git commit -m {shlex.quote(f'Add {answers.name}')}",
            f"    git push -u origin {shlex.quote(branch)}",
        )
    )
