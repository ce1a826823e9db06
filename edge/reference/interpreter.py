"""Run a graph in numpy: the definition of correct for every other implementation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from edge.errors import fail
from edge.ir import Graph, Node
from edge.ir.types import Array
from edge.reference.call import Call
from edge.reference.kernels import execute

Observer = Callable[[str, Array], None]
"""Called with the name and the array of every activation, inputs included."""

_CHUNK = 8  # samples at a time: working memory stays in the cache, matrix products stay large


def run(graph: Graph, inputs: Sequence[Array], values: bool = False) -> dict[str, Array]:
    """One inference after a reset: the outputs by name, or every activation if `values` is set.

    Each input has the shape and element type that the graph declares. Raises EdgeError E0006 if
    one does not.
    """
    _check_inputs(graph, inputs, samples=None)
    given = {**dict(zip(graph.inputs, inputs, strict=True)), **Session(graph).states}
    live = _evaluate(graph, given, None if values else frozenset(graph.outputs), None)
    return live if values else {name: _value(graph, live, name) for name in graph.outputs}


def run_batch(
    graph: Graph, inputs: Sequence[Array], observe: Observer | None = None
) -> list[Array]:
    """Many inferences: one array an output, leading with the samples.

    The samples of a graph with states are a sequence, which starts from a reset.

    Each input is [samples, ...] for a graph input [1, ...] (for one that does not lead with 1,
    samples are a new first axis). Several samples go through a graph together if it keeps the
    leading axis to itself; results are the same as one by one. `observe` sees every activation,
    of some samples at a time. Raises EdgeError E0006 if an input does not fit.
    """
    return Session(graph).run_batch(inputs, observe)


class Session:
    """A graph that runs again and again: its states live on from one call to the next."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.states = {state.read: state.initial for state in graph.states}

    def run_batch(self, inputs: Sequence[Array], observe: Observer | None = None) -> list[Array]:
        """`run_batch`, from the states that the call before has left."""
        graph = self.graph
        samples = _samples(graph, inputs)
        _check_inputs(graph, inputs, samples)
        step = _CHUNK if keeps_samples_apart(graph) else 1
        parts = [
            self._chunk([x[start : start + step] for x in inputs], observe)
            for start in range(0, samples, step)
        ]
        return [np.concatenate([part[i] for part in parts]) for i in range(len(graph.outputs))]

    def _chunk(self, inputs: Sequence[Array], observe: Observer | None) -> list[Array]:
        graph = self.graph
        given = {
            name: x if _leads_with_one(graph, name) else x[0]
            for name, x in zip(graph.inputs, inputs, strict=True)
        }
        live = _evaluate(graph, {**given, **self.states}, frozenset(graph.kept), observe)
        self.states = {s.read: _value(graph, live, s.written) for s in graph.states}
        results = {name: _value(graph, live, name) for name in graph.outputs}
        return [
            results[name] if _leads_with_one(graph, name) else results[name][None]
            for name in graph.outputs
        ]


def _leads_with_one(graph: Graph, name: str) -> bool:
    return graph.type(name).shape[:1] == (1,)


def _samples(graph: Graph, inputs: Sequence[Array]) -> int:
    if not inputs or inputs[0].ndim == 0 or len(inputs[0]) == 0:
        raise fail("E0006", f"{graph.name} needs at least one sample")
    return len(inputs[0])


def _check_inputs(graph: Graph, inputs: Sequence[Array], samples: int | None) -> None:
    if len(inputs) != len(graph.inputs):
        raise fail("E0006", f"{graph.name} takes {len(graph.inputs)} inputs, got {len(inputs)}")
    for name, x in zip(graph.inputs, inputs, strict=True):
        tensor = graph.type(name)
        shape = tensor.shape
        if samples is not None:
            shape = (samples, *(shape[1:] if _leads_with_one(graph, name) else shape))
        if x.shape != shape or x.dtype != tensor.dtype.numpy:
            expected = f"{tensor.dtype}{list(shape)}"
            raise fail("E0006", f"input {name} is {expected}, got {x.dtype}{list(x.shape)}")


def _evaluate(
    graph: Graph,
    given: Mapping[str, Array],
    kept: frozenset[str] | None,
    observe: Observer | None,
) -> dict[str, Array]:
    """Run all nodes; forget a value after its last reader unless it is in `kept` (None: all)."""
    live: dict[str, Array] = {}
    finished = _finished_after(graph)
    for names, arrays in _steps(graph, given, live):
        live.update(zip(names, arrays, strict=True))
        if observe:
            for name in names:
                observe(name, live[name])
        if kept is not None:
            for name in finished.get(names[0], ()):
                if name not in kept:
                    del live[name]
    return live


def _steps(
    graph: Graph, given: Mapping[str, Array], live: Mapping[str, Array]
) -> Iterator[tuple[tuple[str, ...], list[Array]]]:
    for name, array in given.items():
        yield (name,), [array]
    for node in graph.nodes:
        arrays = tuple(_value(graph, live, name) if name else None for name in node.inputs)
        yield node.outputs, [execute(Call(graph, node, arrays))]


def _value(graph: Graph, live: Mapping[str, Array], name: str) -> Array:
    return live[name] if name in live else graph.constant(name)


def _finished_after(graph: Graph) -> dict[str, list[str]]:
    """For the first output of each node the activations that nothing reads after it."""
    last: dict[str, str] = {}
    for node in graph.nodes:
        for name in node.inputs:
            if name and not graph.is_constant(name):
                last[name] = node.output
    finished: dict[str, list[str]] = {}
    for name, output in last.items():
        finished.setdefault(output, []).append(name)
    return finished


def keeps_samples_apart(graph: Graph) -> bool:
    """Whether several samples can share the leading axis, which the graph declares as 1."""
    if graph.states:
        return False
    activations = [name for name, value in graph.values.items() if not value.is_constant]
    shapes = [graph.type(name).shape for name in activations]
    return all(len(shape) >= 2 and shape[0] == 1 for shape in shapes) and all(
        _keeps_first_axis(graph, node) for node in graph.nodes
    )


def _keeps_first_axis(graph: Graph, node: Node) -> bool:
    activations = [n for n in node.inputs if n and not graph.is_constant(n)]
    ranks = {len(graph.type(name).shape) for name in activations}
    if not activations or (node.op in ("add", "sub", "mul") and len(ranks) > 1):
        return False
    if node.op == "matmul" and min(ranks) < 3:
        return False
    check = _FIRST_AXIS.get(node.op)
    return check is None or check(node)


def _axes(node: Node, name: str) -> Sequence[int]:
    value = node.attrs[name]
    return value if isinstance(value, tuple) else (int(value),)


_FIRST_AXIS: dict[str, Callable[[Node], bool]] = {
    "concat": lambda node: 0 not in _axes(node, "axis"),
    "mean": lambda node: 0 not in _axes(node, "axes"),
    "transpose": lambda node: _axes(node, "permutation")[0] == 0,
}
