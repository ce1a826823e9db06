"""A part of a program as a program of its own, in torch's operators, and as an int8 graph."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch._subclasses import FakeTensor
from torch.export import ExportedProgram
from torch.export.exported_program import ModuleCallEntry, ModuleCallSignature
from torch.export.graph_signature import (
    ExportGraphSignature,
    InputKind,
    InputSpec,
    OutputKind,
    OutputSpec,
    TensorArgument,
)
from torch.fx import Graph as TorchGraph
from torch.fx import GraphModule, Node
from torch.utils import _pytree as pytree

from edge.executorch.operators import is_call, torch_operator
from edge.frontends.torch_export import load_torch
from edge.ir import Graph
from edge.workflow.prepare import prepare

NOTHING: Mapping[str, torch.Tensor] = {}


def real_data(program: ExportedProgram) -> dict[str, torch.Tensor]:
    """Parameters, buffers and constants by name, less those that are shapes without values."""
    held = {**program.state_dict, **program.constants}
    return {
        name: value
        for name, value in held.items()
        if isinstance(value, torch.Tensor) and not isinstance(value, FakeTensor)
    }


def constant_nodes(program: ExportedProgram) -> set[Node]:
    """Placeholders of what the program holds and does not change, and what follows from them."""
    signature = program.graph_signature
    changed = set(signature.buffers_to_mutate.values())
    found: set[Node] = set()
    for node in program.graph.nodes:
        spec = _held(program).get(node.name)
        held = node.op == "placeholder" and spec is not None and spec.target not in changed
        derived = is_call(node) and bool(node.all_input_nodes)
        if held or (derived and all(source in found for source in node.all_input_nodes)):
            found.add(node)
    return found


def _held(program: ExportedProgram) -> dict[str, InputSpec]:
    specs = program.graph_signature.input_specs
    return {spec.arg.name: spec for spec in specs if spec.kind is not InputKind.USER_INPUT}


def subprogram(
    program: ExportedProgram, nodes: Sequence[Node], data: Mapping[str, torch.Tensor] = NOTHING
) -> ExportedProgram:
    """The nodes, in the order of the program, as a program.

    What they read from outside becomes an input, in the order of the program; what is read outside
    becomes an output. Names stay. `data` takes the place of parameters of the same name.
    """
    inside, held = set(nodes), _held(program)
    graph, copies = TorchGraph(), dict[Node, Node]()
    inputs = [node for node in program.graph.nodes if node not in inside and _is_read(node, inside)]
    for node in inputs:
        copies[node] = graph.placeholder(node.name)
        copies[node].meta = dict(node.meta)
    for node in nodes:
        copies[node] = graph.node_copy(node, copies.__getitem__)
        copies[node].target = torch_operator(node)
    outputs = [node for node in nodes if any(user not in inside for user in node.users)]
    graph.output(tuple(copies[node] for node in outputs))
    specs = [held.get(node.name) or _input_spec(copies[node]) for node in inputs]
    signature = ExportGraphSignature(specs, [_output_spec(copies[node]) for node in outputs])
    held_data = {**program.state_dict, **program.constants, **data}
    return _program(held_data, graph, signature)


def _is_read(node: Node, inside: set[Node]) -> bool:
    return any(user in inside for user in node.users)


def _input_spec(node: Node) -> InputSpec:
    return InputSpec(InputKind.USER_INPUT, TensorArgument(node.name), None)


def _output_spec(node: Node) -> OutputSpec:
    return OutputSpec(OutputKind.USER_OUTPUT, TensorArgument(node.name), None)


def _program(
    data: Mapping[str, Any], graph: TorchGraph, signature: ExportGraphSignature
) -> ExportedProgram:
    _, reads = pytree.tree_flatten((tuple(signature.user_inputs), {}))
    _, gives = pytree.tree_flatten(tuple(signature.user_outputs))
    call = ModuleCallSignature(inputs=[], outputs=[], in_spec=reads, out_spec=gives)
    return ExportedProgram(
        root=GraphModule(torch.nn.Module(), graph),
        graph=graph,
        graph_signature=signature,
        state_dict=dict(data),
        range_constraints={},
        module_call_graph=[ModuleCallEntry("", call)],
        constants=dict(data),
    )


def integer_graph(program: ExportedProgram, name: str = "part") -> Graph:
    """The int8 graph of a quantized program. Raises EdgeError for what cannot be converted."""
    return prepare(load_torch(program, name), progress=False)


def calls(program: ExportedProgram) -> Iterator[Node]:
    """The nodes of a program that do something."""
    return filter(is_call, program.graph.nodes)
