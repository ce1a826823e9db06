"""The command reference, from the commands themselves."""

from __future__ import annotations

import click

from edge.cli import COMMANDS, cli
from generate.markdown import table


def page() -> str:
    """One section a command: usage, what it does, its options."""
    context = click.Context(cli, info_name="edge")
    head = (
        "# Commands\n\nEvery command takes `--json` and then prints one object. Exit status: 0 "
        "done, 1 the check said no, 2 usage, 3 the model is not supported, 4 a tool is missing or "
        "a build failed, 70 an internal error.\n\n"
    )
    return head + "\n".join(_section(context, name) for name in COMMANDS)


def _section(parent: click.Context, name: str) -> str:
    command = cli.get_command(parent, name)
    if command is None:
        raise LookupError(name)
    context = click.Context(command, info_name=name, parent=parent)
    usage = " ".join(command.collect_usage_pieces(context))
    text = "\n".join(line.strip() for line in (command.help or "").splitlines())
    options = [option for option in command.params if isinstance(option, click.Option)]
    rows = [_row(option, context) for option in options]
    return f"## edge {name}\n\n```sh\nedge {name} {usage}\n```\n\n{text}\n\n" + table(
        ("option", "what"), rows
    )


def _row(option: click.Option, context: click.Context) -> tuple[str, str]:
    """click's own words: the flags with their metavariable, the help with defaults."""
    flags, text = option.get_help_record(context) or ("", "")
    return f"`{flags}`", text
