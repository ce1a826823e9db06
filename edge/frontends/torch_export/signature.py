"""What a program's signature says: constants, inputs, outputs, and what of it Edge refuses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind, OutputKind, TensorArgument

from edge.errors import Diagnostic
from edge.frontends.torch_export.diagnostics import ARGUMENT, BATCH, DTYPE, DYNAMIC
from edge.frontends.torch_export.operands import Constant
from edge.sparsity.sparse_tensors import dense

_BATCH_STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


def constants(program: ExportedProgram) -> dict[str, Constant | None]:
    """Parameters, buffers and constant tensors by placeholder name, less those that change."""
    found: dict[str, Constant | None] = {
        name: Constant(target, to_numpy(tensor, target))
        for name, target, tensor in _held(program)
        if target not in _mutations(program)
    }
    unused = {name: None for name, value in _inputs(program) if value is None}
    return {**found, **unused}


@dataclass(frozen=True, eq=False)
class Buffer:
    """A buffer that the model updates: its placeholder, what it becomes, how it starts."""

    read: str
    written: str
    target: str
    initial: np.ndarray[Any, Any]


def buffers(program: ExportedProgram) -> list[Buffer]:
    """The buffers that live on from one inference to the next, in torch's dimension order."""
    becomes = _mutations(program)
    return [
        Buffer(name, becomes[target], target, to_numpy(tensor))
        for name, target, tensor in _held(program)
        if target in becomes
    ]


def _held(program: ExportedProgram) -> Iterator[tuple[str, str, torch.Tensor]]:
    """Placeholder name, name in the module and data of each tensor that the program holds."""
    for spec in program.graph_signature.input_specs:
        if spec.kind is InputKind.USER_INPUT or spec.target is None:
            continue
        tensor = program.state_dict.get(spec.target, program.constants.get(spec.target))
        if isinstance(tensor, torch.Tensor):
            yield spec.arg.name, spec.target, tensor


def _mutations(program: ExportedProgram) -> dict[str, str]:
    """What each buffer that changes becomes, by its name in the module."""
    specs = program.graph_signature.output_specs
    changes = (spec for spec in specs if spec.kind is OutputKind.BUFFER_MUTATION)
    return {str(spec.target): spec.arg.name for spec in changes}


def to_numpy(tensor: torch.Tensor, name: str = "a constant") -> np.ndarray[Any, Any]:
    """The tensor's data; floating types become float32, sparse tensors dense.

    Raises EdgeError E0103 as `edge.sparsity.sparse_tensors.dense`, calling the tensor `name`.
    """
    tensor = dense(tensor.detach(), name).cpu()
    return (tensor.float() if tensor.is_floating_point() else tensor).numpy()


def user_inputs(program: ExportedProgram) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Name and torch shape of each tensor that the caller passes."""
    for name, value in _inputs(program):
        if isinstance(value, torch.Tensor):
            yield name, tuple(value.shape)


def user_outputs(program: ExportedProgram) -> list[str]:
    specs = program.graph_signature.output_specs
    return [
        s.arg.name for s in specs if s.kind is OutputKind.USER_OUTPUT and hasattr(s.arg, "name")
    ]


def is_static(value: Any) -> bool:
    """Whether all sizes of a traced value are numbers."""
    if isinstance(value, list | tuple):
        return all(map(is_static, value))
    if isinstance(value, torch.Tensor):
        return all(isinstance(size, int) for size in value.shape)
    return not isinstance(value, torch.SymInt | torch.SymFloat | torch.SymBool)


def problems(program: ExportedProgram) -> list[Diagnostic]:
    """Inputs and outputs that no graph can have."""
    found: list[Diagnostic] = []
    for name, value in _inputs(program):
        if isinstance(value, torch.Tensor):
            found += _input_problems(name, value)
    for spec in program.graph_signature.output_specs:
        if spec.kind is OutputKind.USER_INPUT_MUTATION:
            title = f"the model writes to its input {spec.target}"
            found.append(Diagnostic(ARGUMENT, title, help=("copy it first, with .clone()",)))
    for buffer in buffers(program):
        found += _buffer_problems(buffer)
    return found


def _buffer_problems(buffer: Buffer) -> Iterator[Diagnostic]:
    if buffer.target.endswith(_BATCH_STATISTICS):
        title = f"the model writes to {buffer.target}, which lives on between inferences"
        yield Diagnostic(ARGUMENT, title, help=("export module.eval()",))
    elif buffer.initial.dtype != np.float32:
        title = f"the state {buffer.target} is {buffer.initial.dtype} (only float32)"
        help = ("keep a window of values instead of a position in a ring",)
        yield Diagnostic(DTYPE, title, help=help)


def _inputs(program: ExportedProgram) -> Iterator[tuple[str, Any]]:
    placeholders = {n.name: n for n in program.graph.nodes if n.op == "placeholder"}
    for spec in program.graph_signature.input_specs:
        if spec.kind is InputKind.USER_INPUT:
            name = spec.arg.name
            is_tensor = isinstance(spec.arg, TensorArgument)
            yield name, placeholders[name].meta["val"] if is_tensor else None


def _input_problems(name: str, value: torch.Tensor) -> Iterator[Diagnostic]:
    where, shape = f"input {name}", list(value.shape)
    if not is_static(value):
        help = ("export without dynamic_shapes: every size must be a number",)
        yield Diagnostic(DYNAMIC, f"{name} has the dynamic shape {shape}", where, help=help)
    elif len(shape) > 1 and shape[0] != 1:
        help = ("export with example inputs of batch size 1",)
        yield Diagnostic(
            BATCH, f"{name} has the shape {shape}: the batch is not 1", where, help=help
        )
    if value.dtype is not torch.float32:
        help = ("convert the model and its inputs with .float()",)
        title = f"{name} is {str(value.dtype).removeprefix('torch.')} (only float32)"
        yield Diagnostic(DTYPE, title, where, help=help)
