"""The command line: one file a command, no logic. Commands are imported when they are called."""

from __future__ import annotations

import importlib
import sys
from typing import cast

import click

COMMANDS = {
    "check": "Say whether a model fits a target, and what is not supported. Writes nothing.",
    "export": "Turn a model into a folder of plain C for a target.",
    "verify": "Build an exported folder, run it, compare every output bit with the reference.",
    "bench": "Measure instructions or time, RAM, flash and stack of an exported folder.",
    "run": "Run an exported folder on the inputs of a .npy file.",
    "prune": "Remove weights of a float model, train the others, write a .pt2 file.",
    "train-plan": "Choose which parts of a model are trained on the device.",
    "quantize": "Quantize a float model and report the error each layer adds.",
    "report": "Write one self-contained HTML page about an exported folder.",
    "targets": "List the targets.",
    "ops": "List the operators and the kernels that run them on a target.",
    "explain": "Print the page of an error code: what it means and what to do.",
    "doctor": "Say which compilers and emulators are found, and how to get the others.",
}


class LazyGroup(click.Group):
    """A group whose commands live in edge.cli.<name>_command as the attribute `command`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All command names, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Import one command. Raises NoSuchCommand with a suggestion."""
        if name not in COMMANDS:
            raise click.NoSuchCommand(name, possibilities=COMMANDS, ctx=ctx)
        module = importlib.import_module(f"edge.cli.{name.replace('-', '_')}_command")
        return cast(click.Command, module.command)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Print the table; the base class would import every command to read its help."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="edge-nn", prog_name="edge")
def cli() -> None:
    """Edge: a trained model becomes small plain C that computes the same bits on every target."""


def main() -> None:
    """Entry point of the `edge` script."""
    from edge.cli.outcome import run

    sys.exit(run(cli, sys.argv[1:]))
