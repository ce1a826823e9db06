"""The walk over a program: every live torch node becomes an operand, converted by the table.

Findings are gathered, not raised, so that one run names everything that stands in the way.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch.export import ExportedProgram
from torch.fx import Node as TorchNode

from edge.errors import EdgeError
from edge.frontends.torch_export import folding, signature
from edge.frontends.torch_export.arguments import Arguments, bind, operands
from edge.frontends.torch_export.buffers import buffer_layout, reshaped_buffers
from edge.frontends.torch_export.builder import Builder
from edge.frontends.torch_export.convert import CONVERTERS
from edge.frontends.torch_export.diagnostics import (
    ARGUMENT,
    DYNAMIC,
    OPERATOR,
    Findings,
    operator_help,
)
from edge.frontends.torch_export.location import location
from edge.frontends.torch_export.operands import NEW, Operand, Tensor, default_layout
from edge.ir import DType, Graph, Rounding, State, check
from edge.silence import silenced


def load_torch(program: ExportedProgram, name: str = "model") -> Graph:
    """The float graph of an exported program, or, from PT2E, one with quantize/dequantize nodes.

    Torch's NCHW tensors of rank 4 are NHWC in the graph, inputs and outputs included; those of
    other ranks keep torch's order at inputs and outputs. Values and nodes are called as in the
    program, weights as in the module. Buffers that the module updates are the graph's states.
    Raises EdgeError (E01xx) that lists everything the graph cannot express.
    """
    importer = _Importer()
    importer.findings.raise_all(reshaped_buffers(program))
    program = _functional(program)
    importer.findings.raise_all(signature.problems(program))
    importer.bind_inputs(program)
    nodes = program.graph.nodes
    live = _live(nodes)
    importer.convert_all(node for node in nodes if node in live and node.op == "call_function")
    importer.findings.raise_if_any()
    return importer.graph(program, name)


def _functional(program: ExportedProgram) -> ExportedProgram:
    """The program without in-place operators; torch knows best what each of them aliases."""
    schemas = (getattr(node.target, "_schema", None) for node in program.graph.nodes)
    if not any(schema is not None and schema.is_mutable for schema in schemas):
        return program
    with silenced():
        functional: ExportedProgram = program.run_decompositions({})
    return functional


def _live(nodes: Any) -> set[TorchNode]:
    """Nodes that an output depends on."""
    live: set[TorchNode] = set()
    for node in reversed(list(nodes)):
        if node.op == "output" or any(user in live for user in node.users):
            live.add(node)
    return live


@dataclass
class _Importer:
    builder: Builder = field(default_factory=Builder)
    findings: Findings = field(default_factory=Findings)
    known: dict[str, Any] = field(default_factory=dict)
    inputs: list[str] = field(default_factory=list)

    def bind_inputs(self, program: ExportedProgram) -> None:
        self.known.update(signature.constants(program))
        for name, shape in signature.user_inputs(program):
            tensor = Tensor(name, shape, default_layout(len(shape)))
            self.known[name] = tensor
            self.inputs.append(self.builder.declare(name, tensor.stored_shape))
        for buffer in signature.buffers(program):
            shape = buffer.initial.shape
            tensor = Tensor(buffer.read, shape, buffer_layout(program, buffer.read, len(shape)))
            self.known[buffer.read] = tensor
            self.builder.declare(buffer.read, tensor.stored_shape)

    def convert_all(self, nodes: Iterator[TorchNode]) -> None:
        for node in nodes:
            if not signature.is_static(node.meta.get("val")):
                title = "the shape of a result depends on data"
                self.findings.add(DYNAMIC, title, location(node), "give every tensor a fixed size")
                return  # nothing downstream has a shape to check against
            self.builder.current, self.builder.where = node.name, location(node)
            try:
                self.known[node.name] = self._convert(node)
            except EdgeError as error:
                self.findings.add_error(_operator(node), error, location(node))
                self.known[node.name] = self._stand_in(node.name, node.meta.get("val"))

    def _convert(self, node: TorchNode) -> Operand:
        args, kwargs = self._resolve(node.args), self._resolve(node.kwargs)
        if node.target is operator.getitem:
            return self._item(node, args[0], args[1])
        found = operands([*args, *kwargs.values()])
        if folding.can_fold(node.target, found):
            return folding.fold(node.name, node.target, args, kwargs)
        converter = CONVERTERS.get(_operator(node))
        schema = getattr(node.target, "_schema", None)
        if converter is None or schema is None:
            return self._missing(node)
        values = bind(schema, args, kwargs)
        return converter(self.builder, Arguments(values, _shape(node.meta.get("val"))))

    def _resolve(self, argument: Any) -> Any:
        """An argument of a torch node with operands in the place of nodes.

        Subgraphs of control flow are none; the operator that takes them is refused anyway.
        """
        return torch.fx.map_arg(argument, lambda node: self.known.get(node.name))

    def _item(self, node: TorchNode, items: Any, index: int) -> Operand:
        if items[index] == ():
            title = f"result {index} of {_operator(node.args[0])} is used"
            self.findings.add(ARGUMENT, title, location(node), "only its first result exists here")
            return self._stand_in(node.name, node.meta.get("val"))
        operand: Operand = items[index]
        return operand

    def _missing(self, node: TorchNode) -> Operand:
        name = _operator(node)
        title = f"operator {name} is not supported"
        self.findings.add(OPERATOR, title, location(node), operator_help(name))
        return self._stand_in(node.name, node.meta.get("val"))

    def _stand_in(self, name: str, value: Any) -> Operand:
        """An operand of the right shape, so that the walk can go on to find more."""
        if isinstance(value, list | tuple):
            return tuple(self._stand_in(f"{name}_{i}", item) for i, item in enumerate(value))
        tensor = Tensor(self.builder.fresh(name), _shape(value), default_layout(len(_shape(value))))
        self.builder.declare(tensor.name, tensor.stored_shape, DType.FLOAT32)
        return tensor

    def graph(self, program: ExportedProgram, name: str) -> Graph:
        outputs = []
        for output in signature.user_outputs(program):
            tensor = self.known.get(output)
            if not isinstance(tensor, Tensor):
                self.findings.add(ARGUMENT, f"output {output} is a constant", "")
                continue
            outputs.append(self.builder.to_layout(tensor, default_layout(tensor.rank)).name)
        states = tuple(self._states(program))
        self.findings.raise_if_any()
        nodes, values = self.builder.nodes, self.builder.values
        graph = Graph(name, tuple(self.inputs), tuple(outputs), (), values, Rounding.SINGLE, states)
        return check(graph.with_nodes(nodes))

    def _states(self, program: ExportedProgram) -> Iterator[State]:
        for buffer in signature.buffers(program):
            tensor = self.known.get(buffer.written)
            layout = buffer_layout(program, buffer.read, buffer.initial.ndim)
            if not isinstance(tensor, Tensor):
                self.findings.add(ARGUMENT, f"the state {buffer.target} becomes a constant", "")
                continue
            written = self.builder.to_layout(tensor, layout).name
            order = [dim for dim in layout if dim != NEW]
            stored = self.builder.values[buffer.read].type.shape
            initial = np.transpose(buffer.initial, order).reshape(stored)
            yield State(buffer.read, written, initial)


def _operator(node: Any) -> str:
    return str(node.target)


def _shape(value: Any) -> tuple[int, ...]:
    """Torch's shape of a result, of the first one if there are several."""
    if isinstance(value, list | tuple):
        return _shape(value[0]) if value else ()
    return tuple(value.shape) if isinstance(value, torch.Tensor) else ()
