"""`edge ops`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from edge.cli import options
from edge.cli.outcome import finish


@click.command("ops")
@click.option("-t", "--target", default="cortex-m7", show_default=True, help="See `edge targets`.")
@options.json_flag
def command(target: str, json_: bool) -> None:
    """List the operators of the IR and the kernels that run them on a target, best first."""
    from edge.ir import OPS
    from edge.planning.choice import kernels_in
    from edge.target import load_target

    kernels = kernels_in(load_target(target).kernels)
    rows = [
        {"op": op, "kernels": list(dict.fromkeys(k.name for k in kernels if k.op == op))}
        for op in OPS
    ]
    finish("ops", json_, {"target": target, "ops": rows}, _show)


def _show(result: Mapping[str, Any]) -> None:
    from edge.cli.tables import print_table

    rows = [(row["op"], ", ".join(row["kernels"]) or "import only") for row in result["ops"]]
    print_table(("operator", f"kernels on {result['target']}"), rows)
