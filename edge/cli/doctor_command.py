"""`edge doctor`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from edge.cli import options
from edge.cli.outcome import finish


@click.command("doctor")
@options.json_flag
def command(json_: bool) -> None:
    """Say which compilers and emulators are found, and what brings the others."""
    from edge.toolchains.doctor import doctor

    tools = [{"tool": name, "found": found, "detail": detail} for name, found, detail in doctor()]
    finish("doctor", json_, {"tools": tools}, _show)


def _show(result: Mapping[str, Any]) -> None:
    from edge.cli.tables import print_table

    rows = [(t["tool"], "yes" if t["found"] else "no", t["detail"]) for t in result["tools"]]
    print_table(("tool", "found", "where, or how to get it"), rows)
