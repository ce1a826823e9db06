"""The order of the passes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from edge.ir import Graph, to_text
from edge.ir import check as check_graph
from edge.ir.graph import Pass
from edge.passes import (
    absorb_transpose,
    cancel_transpose,
    dead_code,
    drop_identity,
    fold_batch_norm,
    fold_constant_channels,
    fold_constants,
    fold_pad,
    fuse_activation,
    legalize_unary,
    pool_to_mean,
)

FLOAT_PASSES: tuple[Pass, ...] = (
    dead_code.run,
    fold_constants.run,
    drop_identity.run,
    cancel_transpose.run,
    absorb_transpose.run,
    cancel_transpose.run,
    drop_identity.run,
    dead_code.run,
    fold_batch_norm.run,
    fold_pad.run,
    fuse_activation.run,
    dead_code.run,
)
"""After import; exact on int8 graphs too, so that imported int8 models take the same way."""

INTEGER_PASSES: tuple[Pass, ...] = (
    dead_code.run,
    fold_constants.run,
    drop_identity.run,
    cancel_transpose.run,
    absorb_transpose.run,
    cancel_transpose.run,
    drop_identity.run,
    dead_code.run,
    fold_pad.run,
    fuse_activation.run,
    pool_to_mean.run,
    legalize_unary.run,
    fold_constant_channels.run,
    dead_code.run,
)
"""After quantization: only what int8 kernels compute is left, and every bit is kept."""

Dump = Callable[[str, Graph], None] | Path


def run_passes(
    graph: Graph, passes: Iterable[Pass], check: bool = False, dump: Dump | None = None
) -> Graph:
    """Run passes in order.

    `check` verifies the graph's invariants after each. `dump` is called with the pass's name and
    the graph after it, or names a folder that receives `<number>_<pass>.ir` files, numbered on
    from those it holds.
    """
    for pass_ in passes:
        graph = pass_(graph)
        if check:
            check_graph(graph)
        if dump:
            _dump(dump, pass_.__module__.rpartition(".")[2], graph)
    return graph


def _dump(dump: Dump, name: str, graph: Graph) -> None:
    if not isinstance(dump, Path):
        dump(name, graph)
        return
    dump.mkdir(parents=True, exist_ok=True)
    number = sum(1 for _ in dump.glob("*.ir"))
    (dump / f"{number:02}_{name}.ir").write_text(to_text(graph))
