"""The invariants of a graph, checked after each pass in tests and once after every import."""

from __future__ import annotations

from collections.abc import Iterator

from edge.ir.graph import Graph, Node
from edge.ir.ops import ACTIVATIONS, OPS, REQUIRED, UNARY_FUNCTIONS, attributes, infer_shapes
from edge.ir.types import DType


class GraphError(ValueError):
    """A graph that breaks an invariant; lists every violation found."""

    def __init__(self, graph: str, problems: list[str]) -> None:
        super().__init__(f"graph {graph}: " + "; ".join(problems))
        self.problems = problems


def check(graph: Graph) -> Graph:
    """Return the graph unchanged. Raises GraphError with all violations."""
    problems = [*_naming(graph), *_constants(graph)]
    problems += () if problems else _states(graph)
    if not problems:
        for node in graph.nodes:
            problems += (f"{node.op} {node.name}: {reason}" for reason in _node(graph, node))
    if problems:
        raise GraphError(graph.name, problems)
    return graph


def _naming(graph: Graph) -> Iterator[str]:
    defined = {*graph.given, *(name for name, v in graph.values.items() if v.is_constant)}
    names: set[str] = set()
    for node in graph.nodes:
        if node.name in names:
            yield f"two nodes are called {node.name}"
        names.add(node.name)
        for name in node.inputs:
            if name and name not in defined:
                yield f"{node.name} reads {name} before it is made"
        for name in node.outputs:
            if name in defined:
                yield f"{node.name} makes {name}, which exists already"
            if name not in graph.values:
                yield f"{name} has no type"
            defined.add(name)
    yield from (f"input {n} has no type" for n in graph.given if n not in graph.values)
    yield from (f"output {n} is never made" for n in graph.kept if n not in defined)


def _states(graph: Graph) -> Iterator[str]:
    for name in (state.read for state in graph.states):
        if graph.given.count(name) > 1 or name in graph.producers or graph.is_constant(name):
            yield f"state {name} is something else too"
    for state in graph.states:
        tensor = graph.type(state.read)
        if graph.type(state.written) != tensor:
            yield f"state {state.read} becomes {state.written}, which has another type"
        if graph.is_constant(state.written):
            yield f"state {state.read} becomes a constant"
        if (state.initial.shape, state.initial.dtype) != (tensor.shape, tensor.dtype.numpy):
            yield f"state {state.read} is {tensor.dtype}{tensor.shape} but starts otherwise"


def _constants(graph: Graph) -> Iterator[str]:
    for name, value in graph.values.items():
        if value.name != name:
            yield f"value {value.name} is filed under {name}"
        if min(value.type.shape, default=1) < 1:
            yield f"{name} has the shape {value.type.shape}"
        quantization = value.type.quantization
        if quantization and not quantization.is_per_tensor:
            axis = quantization.axis or 0
            shape = value.type.shape
            if not 0 <= axis < len(shape) or shape[axis] != len(quantization.scale):
                yield f"{name}: {len(quantization.scale)} scales along axis {axis} of {shape}"
        if value.data is None:
            continue
        if value.data.shape != value.type.shape or value.data.dtype != value.type.dtype.numpy:
            yield f"{name} is declared {value.type.dtype}{value.type.shape} but holds other data"


def _node(graph: Graph, node: Node) -> Iterator[str]:
    if node.op not in OPS:
        yield "unknown operator"
        return
    op = OPS[node.op]
    many = any(name.endswith("*") for name in op.inputs)
    least = sum(not name.endswith("?") for name in op.inputs)
    if not (least <= len(node.inputs) and (many or len(node.inputs) <= len(op.inputs))):
        yield f"takes {op.inputs}, got {len(node.inputs)} inputs"
        return
    attrs = attributes(node)
    unknown = set(attrs) - set(op.attrs)
    missing = [name for name, value in attrs.items() if value == REQUIRED]
    if unknown or missing:
        yield f"unknown attributes {sorted(unknown)}, missing {missing}"
        return
    if attrs.get("activation", "none") not in ACTIVATIONS:
        yield f"activation {attrs['activation']!r}"
    if attrs.get("function", "relu") not in UNARY_FUNCTIONS:
        yield f"function {attrs['function']!r}"
    yield from _shapes(graph, node)
    yield from _types(graph, node)


def _shapes(graph: Graph, node: Node) -> Iterator[str]:
    try:
        expected = infer_shapes(graph, node)
    except ValueError as error:
        yield str(error)
        return
    actual = [graph.type(name).shape for name in node.outputs]
    if actual != expected:
        yield f"makes {expected}, declared as {actual}"


def _types(graph: Graph, node: Node) -> Iterator[str]:
    """int8 activations carry a per-tensor quantization, float ones none."""
    for name in (*node.inputs, *node.outputs):
        if not name or graph.is_constant(name):
            continue
        tensor = graph.type(name)
        if tensor.dtype is DType.INT8 and tensor.quantization is None:
            yield f"{name} is int8 without a scale"
        if tensor.dtype is DType.FLOAT32 and tensor.quantization is not None:
            yield f"{name} is float32 with a scale"
        if tensor.quantization and not tensor.quantization.is_per_tensor:
            yield f"activation {name} is quantized per channel"
