"""`catalog completion`: what a shell needs to complete commands, options, models, codes and kinds."""

import click

SHELLS = ("bash", "zsh", "fish")

# bash would split "@openai/support-bot" at the "@" before it asks, as if a host's name came after it.
_BASH_WORDS = "COMP_WORDBREAKS=${COMP_WORDBREAKS//@/}\n"


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> None:
    """Print the script that makes a shell complete `catalog`.

    \b
    bash: catalog completion bash > ~/.local/share/bash-completion/completions/catalog
    zsh:  catalog completion zsh > "${fpath[1]}/_catalog"
    fish: catalog completion fish > ~/.config/fish/completions/catalog.fish
    """  # noqa: D301 - \b is click's mark for lines that are not joined
    from click.shell_completion import BashComplete, get_completion_class

    from engine.cli.main import cli

    class_ = get_completion_class(shell)
    assert class_ is not None, "click knows the shells of SHELLS"
    complete = class_(cli, {}, "catalog", "_CATALOG_COMPLETE")
    if isinstance(complete, BashComplete):
        # `source()` would run bash to learn its version; this may be printed where no bash is.
        click.echo(complete.source_template % complete.source_vars() + _BASH_WORDS, nl=False)
    else:
        click.echo(complete.source(), nl=False)
