"""Kernel choice: for each node the cheapest kernel, among a target's folders, that accepts it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import cast

from edge.errors import Diagnostic, EdgeError
from edge.ir import Graph, Node
from edge.planning.kernels import RESHAPE, Kernel


def kernels_in(folders: Iterable[str]) -> tuple[Kernel, ...]:
    """The kernels of folders under runtime/kernels, in the order of the folders; renaming last."""
    return (*(kernel for folder in folders for kernel in _table(folder)), RESHAPE)


def kernel_named(name: str, op: str) -> Kernel:
    """The kernel of a plan's step. Raises KeyError if there is none for this operator."""
    folders = [name.split("/")[0]] if "/" in name else []
    for kernel in kernels_in(folders):
        if (kernel.name, kernel.op) == (name, op):
            return kernel
    raise KeyError(f"no kernel {name} for {op}")


def _table(folder: str) -> tuple[Kernel, ...]:
    module = import_module(f"edge.planning.kernels_{folder}")
    return cast("tuple[Kernel, ...]", module.KERNELS)


def choose_kernel(graph: Graph, node: Node, folders: Sequence[str]) -> Kernel:
    """The cheapest kernel that accepts the node; the first folder wins a tie.

    Raises EdgeError E0102 if there is none.
    """
    return choose_kernels(graph.with_nodes([node]), folders)[node.name]


def choose_kernels(graph: Graph, folders: Sequence[str]) -> dict[str, Kernel]:
    """The kernel of every node by name. Raises EdgeError E0102 naming all nodes without one."""
    table = kernels_in(folders)
    chosen: dict[str, Kernel] = {}
    missing: list[Diagnostic] = []
    for node in graph.nodes:
        fitting = [k for k in table if k.op == node.op and k.accepts(graph, node)]
        if fitting:
            chosen[node.name] = min(fitting, key=lambda kernel: kernel.cost(graph, node))
        else:
            missing.append(_no_kernel(graph, node, folders))
    if missing:
        raise EdgeError(*missing)
    return chosen


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
