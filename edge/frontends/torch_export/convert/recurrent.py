"""nn.GRU, nn.LSTM and their cells: a node a layer; the last values are those of the last step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from edge.frontends.torch_export.arguments import Arguments
from edge.frontends.torch_export.builder import Builder
from edge.frontends.torch_export.diagnostics import unsupported
from edge.frontends.torch_export.operands import Constant, Operand, Tensor, plain

_PARTS = 4  # weight_ih, weight_hh, bias_ih, bias_hh


def gru(builder: Builder, arguments: Arguments) -> Operand:
    """Sequences [1, steps, features], or [steps, 1, features] unless batch_first."""
    _require_one_direction(arguments)
    x, batch_first = arguments.tensor("input"), bool(arguments["batch_first"])
    sequence = _as_sequence(builder, x, batch_first)
    last: list[str] = []
    for layer, parts in enumerate(_layers(arguments)):
        initial = _initial(builder, arguments["hx"], layer)
        sequence = _layer(builder, "gru", sequence, parts, [initial] if initial else [])
        last.append(_last_step(builder, sequence))
    return _sequence_result(builder, sequence, x, batch_first), _stacked(builder, last)


def lstm(builder: Builder, arguments: Arguments) -> Operand:
    """As `gru`, with cell values: results are the sequence, the last hidden and cell values."""
    _require_one_direction(arguments)
    x, batch_first = arguments.tensor("input"), bool(arguments["batch_first"])
    sequence = _as_sequence(builder, x, batch_first)
    last: list[str] = []
    cells: list[str] = []
    for layer, parts in enumerate(_layers(arguments)):
        made = _lstm_layer(builder, sequence, parts, arguments["hx"], layer)
        sequence = builder.emit("hidden", [made])
        last.append(_last_step(builder, sequence))
        cells.append(_last_cells(builder, made))
    result = _sequence_result(builder, sequence, x, batch_first)
    return result, _stacked(builder, last), _stacked(builder, cells)


def gru_cell(builder: Builder, arguments: Arguments) -> Operand:
    """One step: [1, features] and [1, units] to [1, units]."""
    step, parts = _one_step(builder, arguments)
    initial = _initial(builder, arguments["hx"], 0)
    made = _layer(builder, "gru", step, parts, [initial] if initial else [])
    return _of_one_step(builder, made)


def lstm_cell(builder: Builder, arguments: Arguments) -> Operand:
    """One step: hidden and cell values [1, units]."""
    step, parts = _one_step(builder, arguments)
    made = _lstm_layer(builder, step, parts, arguments["hx"], 0)
    hidden = builder.emit("hidden", [made])
    return _of_one_step(builder, hidden), _of_one_step(builder, _last_cells(builder, made))


def _one_step(builder: Builder, arguments: Arguments) -> tuple[str, list[Constant | None]]:
    """The input of a cell as a sequence, and its parameters."""
    x = builder.to_layout(arguments.tensor("input"), plain(2))
    if x.shape[0] != 1:
        raise unsupported(f"a batch of {x.shape[0]} (only 1)")
    parts = [arguments[name] for name in ("w_ih", "w_hh", "b_ih", "b_hh")]
    return builder.reshape(x.name, (1, 1, x.shape[1])), parts


def _of_one_step(builder: Builder, made: str) -> Tensor:
    units = builder.values[made].type.shape[2]
    return Tensor(builder.reshape(made, (1, units)), (1, units), plain(2))


def _require_one_direction(arguments: Arguments) -> None:
    if arguments["bidirectional"]:
        raise unsupported(
            "bidirectional=True (only one direction)",
            "a second layer over the reversed sequence sees the future: use one direction",
        )


def _layers(arguments: Arguments) -> list[list[Constant | None]]:
    """The parameters of each layer: weights of input and hidden values, and their biases."""
    parameters, layers = list(arguments["params"]), int(arguments["num_layers"])
    has_biases = bool(arguments["has_biases"])
    count = len(parameters) // layers
    if count != (_PARTS if has_biases else _PARTS - 2):
        raise unsupported("projections of the hidden values (proj_size)", "leave proj_size 0")
    return [
        [*parameters[i : i + count], None, None][:_PARTS] for i in range(0, len(parameters), count)
    ]


def _as_sequence(builder: Builder, x: Tensor, batch_first: bool) -> str:
    """A [1, steps, features] value."""
    batch = x.shape[0 if batch_first else 1]
    if x.rank != 3 or batch != 1:
        raise unsupported(f"an input of shape {list(x.shape)}: a batch of {batch} (only 1)")
    order = (0, 1, 2) if batch_first else (1, 0, 2)
    return builder.to_layout(x, order).name


def _initial(builder: Builder, hidden: Operand, layer: int) -> str:
    """Hidden or cell values before the first step as [1, 1, units]; "" for zeros."""
    if isinstance(hidden, tuple):
        raise unsupported("a tuple of initial values")
    units = hidden.shape[-1]
    if isinstance(hidden, Constant):
        values = hidden.real.reshape(-1, 1, units)[layer : layer + 1]
        return builder.store(f"{hidden.name}_{layer}", values) if np.any(values) else ""
    stored = builder.to_layout(hidden, plain(hidden.rank))
    layers = builder.reshape(stored.name, (hidden.shape[0], 1, units))
    return layers if hidden.shape[0] == 1 else _cut(builder, layers, 0, layer)


def _lstm_layer(
    builder: Builder,
    sequence: str,
    parts: list[Constant | None],
    given: Sequence[Operand],
    layer: int,
) -> str:
    """Zeros must be there if either of hidden and cell values is."""
    initial = [_initial(builder, values, layer) for values in given]
    if any(initial):
        units = _units(parts)
        zeros = np.zeros((1, 1, units), np.float32)
        initial = [name or builder.store("no_values", zeros) for name in initial]
    return _layer(builder, "lstm", sequence, parts, initial if any(initial) else [])


def _layer(
    builder: Builder, op: str, sequence: str, parts: list[Constant | None], initial: list[str]
) -> str:
    weights, biases = parts[:2], parts[2:]
    names = [builder.weight(constant) for constant in weights if constant is not None]
    rows = builder.values[names[0]].type.shape[0]
    names += [_bias(builder, bias, rows) for bias in biases]
    return builder.emit(op, [sequence, *names, *initial])


def _units(parts: list[Constant | None]) -> int:
    hidden_weight = parts[1]
    return hidden_weight.shape[1] if hidden_weight is not None else 0


def _bias(builder: Builder, bias: Constant | None, rows: int) -> str:
    if bias is None:
        return builder.store("no_bias", np.zeros(rows, np.float32))
    return builder.store(bias.name, bias.real)


def _last_cells(builder: Builder, made: str) -> str:
    """The cell values [1, 1, units] after the last step of an lstm."""
    _, steps, values = builder.values[made].type.shape
    attrs = {
        "begin": (0, steps - 1, values // 2),
        "end": (1, steps, values),
        "strides": (1, 1, 1),
    }
    return builder.emit("slice", [made], attrs, name=f"{made}_cells")


def _last_step(builder: Builder, sequence: str) -> str:
    """[1, 1, units] of a [1, steps, units] value."""
    steps = builder.values[sequence].type.shape[1]
    return sequence if steps == 1 else _cut(builder, sequence, 1, steps - 1)


def _cut(builder: Builder, name: str, axis: int, index: int) -> str:
    """One index of an axis, which stays."""
    shape = builder.values[name].type.shape
    begin = tuple(index if i == axis else 0 for i in range(len(shape)))
    end = tuple(index + 1 if i == axis else n for i, n in enumerate(shape))
    attrs = {"begin": begin, "end": end, "strides": (1,) * len(shape)}
    return builder.emit("slice", [name], attrs, name=f"{name}_{index}")


def _stacked(builder: Builder, last: list[str]) -> Tensor:
    """The last hidden values of all layers, [layers, 1, units]."""
    units = builder.values[last[0]].type.shape[2]
    stacked = last[0] if len(last) == 1 else builder.emit("concat", last, {"axis": 0})
    return Tensor(stacked, (len(last), 1, units), plain(3))


def _sequence_result(builder: Builder, sequence: str, x: Tensor, batch_first: bool) -> Tensor:
    units = builder.values[sequence].type.shape[2]
    shape = (*x.shape[:2], units)
    return Tensor(sequence, shape, (0, 1, 2) if batch_first else (1, 0, 2))


CONVERTERS: Mapping[str, Callable[[Builder, Arguments], Operand]] = {
    "aten.gru.input": gru,
    "aten.gru_cell.default": gru_cell,
    "aten.lstm.input": lstm,
    "aten.lstm_cell.default": lstm_cell,
}
