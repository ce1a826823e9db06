"""One operator of the plan as model.c shows it: comment, descriptor, and the rows it reads."""

from __future__ import annotations

from dataclasses import dataclass

from edge.emit.c_text import ConstArray, initializer
from edge.emit.descriptors import describe
from edge.ir import OPS, Graph, Node, RowRule, macs
from edge.planning.choice import kernel_named
from edge.planning.plan import Plan, Stage, Step
from edge.planning.rows import steps


@dataclass(frozen=True)
class Rows:
    """An edge_rows initializer."""

    data: str
    row_bytes: int
    rows: int
    ring: int
    comment: str


@dataclass(frozen=True, eq=False)
class Layer:
    """The view of one step; `struct` is "" for an alias, which needs no descriptor."""

    node: Node
    step: Step
    symbol: str
    comment: str
    where: str
    struct: str
    descriptor: str
    inputs: tuple[Rows, ...]
    arrays: tuple[ConstArray, ...]


def c_name(name: str) -> str:
    """A C identifier for a node or value name."""
    cleaned = "".join(c if c.isalnum() and c.isascii() else "_" for c in name)
    return f"n{cleaned}" if cleaned[:1].isdigit() else cleaned


def address(plan: Plan, name: str) -> str:
    """The first byte of a tensor, in generated code."""
    return f"ARENA + {plan.offsets[name]}"


def row_bytes(graph: Graph, name: str, rows: int) -> int:
    """Bytes of one of `rows` equal rows of a tensor."""
    return graph.type(name).nbytes // rows


def layer_view(graph: Graph, plan: Plan, stage: Stage, step: Step, prefix: str) -> Layer:
    """The view of one step. Its constants in flash are called <prefix>_<node>_<what>."""
    node = next(node for node in graph.nodes if node.name == step.node)
    symbol = c_name(node.name)
    head = (node, step, symbol, _comment(graph, node, step), node.where.replace("*/", "* /"))
    if step.kernel == "alias":
        return Layer(*head, "", "", (), ())
    described = describe(graph, node, step, f"{prefix}_{symbol}")
    operands = _operands(graph, node, step, f"{prefix}_{symbol}")
    rows = (
        operands[name].rows if name in operands else _rows(graph, plan, stage, step, node, name)
        for name in _read(node)
    )
    arrays = (*described.arrays, *(operand.array for operand in operands.values()))
    fields = initializer(described.fields)
    return Layer(*head, described.struct, fields, tuple(rows), arrays)


_ROWS = (
    "x", "a", "b", "initial?", "cell?", "token", "last", "position", "ring", "q", "keys", "values",
)  # fmt: skip


def _read(node: Node) -> tuple[str, ...]:
    """The inputs that a kernel reads as rows: weights and tables are part of its descriptor."""
    declared = OPS[node.op].inputs
    if declared[0].endswith("*"):
        return node.inputs
    pairs = zip(node.inputs, declared, strict=False)
    return tuple(name for name, kind in pairs if name and kind in _ROWS)


def _comment(graph: Graph, node: Node, step: Step) -> str:
    shapes = " + ".join(_shape(graph, name) for name in _read(node))
    text = f"{node.op} {shapes} -> {_shape(graph, node.output)}, {step.kernel}"
    count = macs(graph, node)
    return text + (f", {count:,} MACs" if count else "")


def _shape(graph: Graph, name: str) -> str:
    tensor = graph.type(name)
    return f"{tensor.dtype}[{', '.join(map(str, tensor.shape))}]"


@dataclass(frozen=True, eq=False)
class _Operand:
    """A constant operand of add, sub, mul, matmul or concat, in flash.

    It is a single row, unless the layer is called for each row and reads another one each time.
    """

    array: ConstArray
    rows: Rows


def _operands(graph: Graph, node: Node, step: Step, prefix: str) -> dict[str, _Operand]:
    found: dict[str, _Operand] = {}
    for index, name in enumerate(_read(node)):
        if graph.is_constant(name):
            array = ConstArray(f"{prefix}_operand{index}", graph.constant(name), name)
            count = step.rows if steps(graph, node, index) else 1
            rows = Rows(array.name, row_bytes(graph, name, count), count, count, name)
            found[name] = _Operand(array, rows)
    return found


def _rows(graph: Graph, plan: Plan, stage: Stage, step: Step, node: Node, name: str) -> Rows:
    count = _presented_rows(graph, step, node, name)
    ring = stage.rings.get(name, count)
    return Rows(address(plan, name), row_bytes(graph, name, count), count, ring, name)


def _presented_rows(graph: Graph, step: Step, node: Node, name: str) -> int:
    """H for window kernels and for others called row by row, else 1: the whole tensor."""
    shape = graph.type(name).shape
    by_window = OPS[node.op].rows is RowRule.WINDOW and not kernel_named(step.kernel, node.op).flat
    return shape[1] if (by_window or step.rows > 1) and len(shape) == 4 else 1
