"""`edge explain`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from edge.cli import options
from edge.cli.outcome import finish


@click.command("explain")
@click.argument("code", metavar="CODE")
@options.json_flag
def command(code: str, json_: bool) -> None:
    """Print the page of an error code, such as E0301: what it means and what to do."""
    from edge.explain import explain

    finish("explain", json_, {"code": code.upper(), "page": explain(code)}, _show)


def _show(result: Mapping[str, Any]) -> None:
    click.echo(result["page"], nl=False)
