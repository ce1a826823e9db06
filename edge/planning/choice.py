"""Kernel choice: which kernels, among a target's folders, accept a node, and at what price."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from typing import cast

from edge.errors import Diagnostic, EdgeError
from edge.ir import Graph, Node
from edge.planning.kernels import ARRIVAL, RESHAPE, Kernel

_SURE = 1.03  # costs are estimates: a sparse kernel must look quicker than this to replace a dense


def kernels_in(folders: Iterable[str]) -> tuple[Kernel, ...]:
    """The kernels of folders under runtime/kernels, in the order of the folders; renaming last."""
    return (*(kernel for folder in folders for kernel in _table(folder)), RESHAPE)


def kernel_named(name: str, op: str) -> Kernel:
    """The kernel of a plan's step. Raises KeyError if there is none for this operator."""
    folders = [name.split("/")[0]] if "/" in name else []
    for kernel in (*kernels_in(folders), *_gathering(), ARRIVAL):
        if (kernel.name, kernel.op) == (name, op):
            return kernel
    raise KeyError(f"no kernel {name} for {op}")


_FLOAT_TABLES = ("ref",)  # folders with a table kernels_<folder>_f32 beside


def _table(folder: str) -> tuple[Kernel, ...]:
    tables = [_kernels(folder, "KERNELS")]
    if folder in _FLOAT_TABLES:
        tables.append(_kernels(f"{folder}_f32", "KERNELS"))
    return tuple(itertools.chain(*tables))


def _kernels(table: str, name: str) -> tuple[Kernel, ...]:
    module = import_module(f"edge.planning.kernels_{table}")
    return cast("tuple[Kernel, ...]", getattr(module, name))


def _gathering() -> tuple[Kernel, ...]:
    return (*_kernels("ref", "GATHERING"), *_kernels("ref_f32", "GATHERING"))


def gathering(graph: Graph, node: Node) -> Kernel | None:
    """The kernel that makes a node's output from one row of its input after the other."""
    return next((k for k in _gathering() if k.op == node.op and k.accepts(graph, node)), None)


def candidates(graph: Graph, folders: Sequence[str]) -> dict[str, list[Kernel]]:
    """For every node by name the kernels that accept it, cheapest first.

    The first folder wins a tie. Raises EdgeError E0102 naming all nodes without a kernel.
    """
    table = kernels_in(folders)
    found: dict[str, list[Kernel]] = {}
    for node in graph.nodes:
        fitting = [k for k in table if k.op == node.op and k.accepts(graph, node)]
        cost = {kernel.name: kernel.cost(graph, node) for kernel in fitting}
        found[node.name] = sorted(
            fitting, key=lambda kernel: cost[kernel.name] * (_SURE if kernel.sparse else 1)
        )
    missing = [node for node in graph.nodes if not found[node.name]]
    if missing:
        raise EdgeError(*(_no_kernel(graph, node, folders) for node in missing))
    return found


def cheapest(graph: Graph, folders: Sequence[str]) -> dict[str, Kernel]:
    """The cheapest kernel of every node by name, whatever its scratch. Raises like `candidates`."""
    return {name: kernels[0] for name, kernels in candidates(graph, folders).items()}


def without_sparsity(graph: Graph, node: Node, kernel: Kernel) -> Kernel:
    """The cheapest kernel of the same folder, or else a portable one, that reads all weights."""
    for folder in (kernel.name.split("/")[0], "ref"):
        fitting = [k for k in _table(folder) if k.op == node.op and not k.sparse]
        accepted = [k for k in fitting if k.accepts(graph, node)]
        if accepted:
            return min(accepted, key=lambda k: k.cost(graph, node))
    raise KeyError(f"no dense kernel for {node.op} beside {kernel.name}")


def leanest(graph: Graph, options: Mapping[str, Sequence[Kernel]]) -> dict[str, Kernel]:
    """The kernel of every node that takes the least scratch; among equals the cheapest."""
    nodes = {node.name: node for node in graph.nodes}
    return {
        name: min(kernels, key=lambda kernel: kernel.scratch(graph, nodes[name]))
        for name, kernels in options.items()
    }


def _no_kernel(graph: Graph, node: Node, folders: Sequence[str]) -> Diagnostic:
    operands = ", ".join(_describe(graph, name) for name in node.inputs if name)
    attrs = " ".join(f"{key}={value}" for key, value in node.attrs.items())
    return Diagnostic(
        "E0102",
        f"no kernel for {node.op}({operands}) -> {_describe(graph, node.output)}",
        node.where or node.name,
        notes=(f"attributes: {attrs or 'none'}", f"kernel folders: {', '.join(folders)}"),
    )


def _describe(graph: Graph, name: str) -> str:
    tensor = graph.type(name)
    return f"{tensor.dtype}[{','.join(map(str, tensor.shape))}]"
