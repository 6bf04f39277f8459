"""`catalog serve`: the gateway and its control plane on this host."""

from pathlib import Path

import click


@click.command()
@click.option("--catalog", metavar="DIR", help="Follow this directory. Default: catalog/ here, or here itself.")
@click.option("--repo", metavar="DIR", help="Follow this local Git repository instead; nothing is checked out.")
@click.option("--ref", metavar="REF", help="Branch, tag or commit of --repo. Default: main.")
@click.option("--path", metavar="DIR", help="The catalog's directory inside --repo. Default: catalog.")
@click.option("--config", metavar="FILE", help="The operator's file, gateway.yaml: origins, credentials, limits.")
@click.option("--state", metavar="DIR", help="Where published catalogs, the spool and the ledger live.")
@click.option("--workers", metavar="N", help="Gateway processes. Default: 1.")
@click.option("--listen", metavar="HOST:PORT", help="Data plane. Default: 127.0.0.1:8790.")
@click.option("--admin-listen", metavar="HOST:PORT", help="Control plane, loopback only. Default: 127.0.0.1:8791.")
def serve(config: str | None, **flags: str | None) -> None:
    """Serve the models of a catalog, and follow it without a restart.

    Stop with Ctrl-C or SIGTERM: calls in flight finish, the ledger is brought up to date, the exit code is 0.
    SIGHUP reloads now. Every option can also stand in gateway.yaml or in a CATALOG_* variable; the flag wins.
    """
    from engine.errors import UserError
    from engine.logs import configure_logs
    from engine.operator.loading import load_settings
    from engine.operator.settings import Settings
    from engine.operator.values import Address
    from engine.serve import Supervisor

    settings = load_settings(flags, config=config)
    if settings.source.catalog is None and settings.source.repo is None:
        here = next((place for place in (Path("catalog"), Path()) if (place / "catalog.yaml").is_file()), None)
        if here is None:
            raise UserError(
                "There is no catalog here: neither catalog/catalog.yaml nor catalog.yaml.",
                hint="Name one with --catalog DIR, or a Git repository with --repo DIR.",
            )
        settings = load_settings({**flags, "catalog": str(here)}, config=config)
    if not settings.admin_listen.is_loopback:
        raise UserError(
            f"--admin-listen {settings.admin_listen}: the control plane has no login yet, so it only listens on "
            "loopback.",
            hint="Use 127.0.0.1:PORT, and reach it through ssh or a proxy that authenticates.",
        )

    def say(listen: Address, admin: Address) -> None:
        click.echo(f"Serving {_source(settings)} at http://{listen}; status at http://{admin}/api/status", err=True)

    def _source(settings: Settings) -> str:
        source = settings.source
        return f"{source.repo} at {source.ref}" if source.repo else str(source.catalog)

    configure_logs()
    raise SystemExit(Supervisor(settings, on_listening=say).run())
