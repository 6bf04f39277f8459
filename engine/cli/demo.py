"""`catalog demo`: the whole way, told step by step on a real local model."""

import click


@click.command()
@click.option("--once", is_flag=True, help="Exit after the walk instead of staying up until Ctrl-C.")
@click.option("--port", type=click.IntRange(1, 65535), help="The gateway's port. Default: 8790, or a free one.")
@click.option("--admin-port", type=click.IntRange(1, 65535), help="The status port. Default: 8791, or a free one.")
@click.option("--keep", is_flag=True, help="Leave the scratch directory (catalog, ledger, logs) where it is.")
def demo(once: bool, port: int | None, admin_port: int | None, keep: bool) -> None:  # noqa: FBT001 - click calls by name
    """Show the whole way, from a commit to an exact cost, on a real local model.

    It starts a small language model, puts a copy of the example catalog into a Git repository of its own, serves it,
    and sends real requests. Everything happens on this machine and in a temporary directory.
    """
    import signal

    from engine.demo.screen import Screen
    from engine.demo.walk import run

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # stopped from outside, it cleans up as after Ctrl-C
    run(Screen(), once=once, port=port, admin_port=admin_port, keep=keep)
