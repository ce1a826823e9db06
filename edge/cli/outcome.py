"""How a command ends: one JSON object or text on stdout, diagnostics on stderr, an exit status.

0 ok, 1 the check said no, 2 usage, 3 unsupported model, 4 tool missing or build failed,
70 internal error.
"""

from __future__ import annotations

import json
import sys
import tempfile
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import click

from edge.errors import Diagnostic, EdgeError

SCHEMA = 1
INTERNAL_ERROR = 70


def finish(
    command: str,
    json_wanted: bool,
    result: Mapping[str, Any],
    show: Callable[[Mapping[str, Any]], None],
) -> None:
    """Print the result of a command; exit with status 1 if its `ok` is false."""
    diagnostics: Sequence[Diagnostic] = result.get("diagnostics", ())
    if json_wanted:
        _print_json(command, result)
    else:
        show(result)
        for diagnostic in diagnostics:
            click.echo(str(diagnostic), err=True)
    if not result.get("ok", True):
        raise click.exceptions.Exit(1)


def _print_json(command: str, result: Mapping[str, Any]) -> None:
    head = {"schema": SCHEMA, "command": command, "ok": True, "target": None}
    diagnostics = [asdict(diagnostic) for diagnostic in result.get("diagnostics", ())]
    click.echo(json.dumps({**head, **result, "diagnostics": diagnostics}, indent=2))


def run(cli: click.Group, arguments: Sequence[str]) -> int:
    """Run the command line and return the exit status; with --json failures are JSON too."""
    json_wanted = "--json" in arguments
    command = next((a for a in arguments if not a.startswith("-")), "")
    try:
        status = cli.main(list(arguments), prog_name="edge", standalone_mode=False)
        return status if isinstance(status, int) else 0
    except click.exceptions.Exit as exit_:
        return exit_.exit_code
    except click.ClickException as error:
        return _usage_error(command, json_wanted, error)
    except click.Abort:
        click.echo("interrupted", err=True)
        return 130
    except EdgeError as error:
        return _failure(command, json_wanted, error.diagnostics, error.exit_status)
    except Exception as error:  # the last line of defence: report, never lose the traceback
        return _internal_error(command, json_wanted, error)


def _usage_error(command: str, json_wanted: bool, error: click.ClickException) -> int:
    if not json_wanted:
        error.show()
        return error.exit_code
    return _failure(command, True, (Diagnostic("E0000", error.format_message()),), error.exit_code)


def _internal_error(command: str, json_wanted: bool, error: Exception) -> int:
    with tempfile.NamedTemporaryFile("w", prefix="edge-", suffix=".txt", delete=False) as bundle:
        bundle.write(" ".join(sys.argv) + "\n" + "".join(traceback.format_exception(error)))
    diagnostic = Diagnostic(
        "E7000", f"internal error: {type(error).__name__}: {error}",
        help=(f"this is a bug in edge: please report it with the file {bundle.name}",),
    )  # fmt: skip
    return _failure(command, json_wanted, (diagnostic,), INTERNAL_ERROR)


def _failure(
    command: str, json_wanted: bool, diagnostics: Sequence[Diagnostic], status: int
) -> int:
    if json_wanted:
        _print_json(command, {"ok": False, "diagnostics": diagnostics})
    for diagnostic in () if json_wanted else diagnostics:
        click.echo(str(diagnostic), err=True)
    return status
