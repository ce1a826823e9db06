"""Resource variables: VAR_HANDLE names one, READ_VARIABLE and ASSIGN_VARIABLE use it, CALL_ONCE
runs a subgraph that gives each its first value."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from edge.frontends.tflite.call import Call, checked
from edge.frontends.tflite.diagnostics import STRUCTURE, Unsupported
from edge.frontends.tflite.draft import constant_data
from edge.frontends.tflite.flatbuffer import damaged
from edge.frontends.tflite.model import Model, Operator


def call_once(call: Call) -> None:
    model = call.draft.model.initializers[call.integer("subgraph")]
    names: dict[int, str] = {}
    for operator in model.operators:
        step = _INITIAL.get(operator.kind)
        if step is None or operator.is_custom:
            title = f"{operator.kind[:64]} before the first inference is not supported"
            raise Unsupported(STRUCTURE, title, "give variables constant first values")
        step(call, model, operator, names)


def _name_handle(call: Call, model: Model, operator: Operator, names: dict[int, str]) -> None:
    names[_only(operator.outputs)] = operator.texts["name"]


def _give_first_value(call: Call, model: Model, operator: Operator, names: dict[int, str]) -> None:
    if len(operator.inputs) != 2 or operator.inputs[0] not in names:
        raise damaged("a variable is assigned without a handle")
    tensor = model.tensors[operator.inputs[1]]
    if tensor.data is None:
        title = "a first value of a variable is computed"
        raise Unsupported(STRUCTURE, title, "give variables constant first values")
    initial = constant_data(tensor)
    if initial.dtype == np.float32 and not np.isfinite(initial).all():
        raise damaged("a first value of a variable is NaN or infinity")
    call.draft.variables.initial[names[operator.inputs[0]]] = initial


_INITIAL: Mapping[str, Callable[[Call, Model, Operator, dict[int, str]], None]] = {
    "VAR_HANDLE": _name_handle,
    "ASSIGN_VARIABLE": _give_first_value,
}


def var_handle(call: Call) -> None:
    variables = call.draft.variables
    variables.handles[_only(call.operator.outputs)] = call.operator.texts["name"]


def read_variable(call: Call) -> None:
    """The value from the inference before, or what this one has assigned already."""
    variables, index = call.draft.variables, _only(call.operator.outputs)
    name = variables.name(_only(call.operator.inputs))
    if name in variables.current:
        call.draft.rename(index, variables.current[name])
        return
    value = checked(call.draft.value(index))
    initial = variables.initial.get(name)
    if initial is None:
        raise Unsupported(STRUCTURE, f"variable {name[:80]!r} has no first value")
    if (initial.shape, initial.dtype) != (value.type.shape, value.type.dtype.numpy):
        raise damaged(f"variable {name[:80]!r} starts with another type than it is read in")
    variables.read[name] = variables.current[name] = value


def assign_variable(call: Call) -> None:
    if len(call.operator.inputs) != 2:
        raise damaged(f"{call.where} takes {len(call.operator.inputs)} tensors")
    name = call.draft.variables.name(call.operator.inputs[0])
    call.draft.variables.current[name] = call.activation(1)


def _only(indices: tuple[int, ...]) -> int:
    if len(indices) != 1:
        raise damaged(f"an operator on a variable has {len(indices)} tensors")
    return indices[0]
