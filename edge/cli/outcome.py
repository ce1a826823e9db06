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
from dataclasses import asdict, dataclass
from itertools import pairwise
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
    """Print the result of a command; if its `ok` is false, exit as its first diagnostic says."""
    diagnostics: Sequence[Diagnostic] = result.get("diagnostics", ())
    if json_wanted:
        _print_json(command, result)
    else:
        show(result)
        _print_diagnostics(diagnostics)
    if not result.get("ok", True):
        raise click.exceptions.Exit(EdgeError(*diagnostics).exit_status if diagnostics else 1)


def _print_json(command: str, result: Mapping[str, Any]) -> None:
    head = {"schema": SCHEMA, "command": command, "ok": True, "target": None}
    diagnostics = [asdict(diagnostic) for diagnostic in result.get("diagnostics", ())]
    click.echo(json.dumps({**head, **result, "diagnostics": diagnostics}, indent=2))


def _print_diagnostics(diagnostics: Sequence[Diagnostic]) -> None:
    """The findings and the commands that explain them, on stderr."""
    for diagnostic in diagnostics:
        click.echo(str(diagnostic), err=True)
    for code in dict.fromkeys(diagnostic.code for diagnostic in diagnostics):
        click.echo(f"more about it: edge explain {code}", err=True)


def run(cli: click.Group, arguments: Sequence[str]) -> int:
    """Run the command line and return the exit status; with --json failures are JSON too."""
    json_wanted = "--json" in arguments
    command = next((a for a in arguments if not a.startswith("-")), "")
    failed = _Failed(command, _target(arguments), json_wanted)
    try:
        status = cli.main(list(arguments), prog_name="edge", standalone_mode=False)
        return status if isinstance(status, int) else 0
    except click.exceptions.Exit as exit_:
        return exit_.exit_code
    except click.ClickException as error:
        return _usage_error(failed, error)
    except click.Abort:
        click.echo("interrupted", err=True)
        return 130
    except EdgeError as error:
        return failed.report(error.diagnostics, error.exit_status)
    except Exception as error:  # the last line of defence: report, never lose the traceback
        return failed.report((_internal_error(error),), INTERNAL_ERROR)


def _target(arguments: Sequence[str]) -> str | None:
    """The target that was asked for, read off the arguments: the command may not have parsed."""
    for flag, value in pairwise(arguments):
        if flag in ("-t", "--target"):
            return value
    return None


@dataclass(frozen=True)
class _Failed:
    """A command that did not come to its end."""

    command: str
    target: str | None
    json_wanted: bool

    def report(self, diagnostics: Sequence[Diagnostic], status: int) -> int:
        """Print the diagnostics, to stderr or as the one JSON object; return the exit status."""
        if self.json_wanted:
            result = {"ok": False, "target": self.target, "diagnostics": diagnostics}
            _print_json(self.command, result)
            return status
        _print_diagnostics(diagnostics)
        return status


def _usage_error(failed: _Failed, error: click.ClickException) -> int:
    if not failed.json_wanted:
        error.show()
        return error.exit_code
    return failed.report((Diagnostic("E0000", error.format_message()),), error.exit_code)


def _internal_error(error: Exception) -> Diagnostic:
    """E7000, with the traceback saved to a file that a report can be made from."""
    with tempfile.NamedTemporaryFile("w", prefix="edge-", suffix=".txt", delete=False) as bundle:
        bundle.write(" ".join(sys.argv) + "\n" + "".join(traceback.format_exception(error)))
    return Diagnostic(
        "E7000", f"internal error: {type(error).__name__}: {error}",
        help=(f"this is a bug in edge: please report it with the file {bundle.name}",),
    )  # fmt: skip
