"""From a .tflite file to a checked graph."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from edge.errors import fail
from edge.frontends.tflite.call import Call, checked
from edge.frontends.tflite.converters import CONVERTERS
from edge.frontends.tflite.diagnostics import (
    BATCH,
    DYNAMIC,
    STRUCTURE,
    Finding,
    Unsupported,
    report,
    unsupported_operator,
)
from edge.frontends.tflite.draft import Draft
from edge.frontends.tflite.flatbuffer import damaged
from edge.frontends.tflite.model import Model, read_model
from edge.ir import Graph, GraphError, Rounding, check

_LARGEST_FILE = 1 << 31


def load_tflite(
    source: Path | bytes, name: str | None = None, rounding: Rounding = Rounding.TFLITE
) -> Graph:
    """Import a .tflite file as a graph: int8 and float32 operators, NHWC, as in the file.

    `source` is a path or the file's bytes; they are not trusted. `name` defaults to the file's
    stem. Constants are read-only views of the bytes.

    Raises EdgeError: E0001 no such file, E0020 another format, E0021 damaged, E0022 operators and
    shapes contradict each other; E0101..E0107 everything that is not supported, at once.
    """
    data = source if isinstance(source, bytes) else _read(source)
    if name is None:
        name = "model" if isinstance(source, bytes) else source.stem
    model = read_model(data)
    if not model.operators or not model.outputs:
        raise damaged("it has no outputs or no operators")
    draft = Draft(model)
    findings = [*_convert(draft), *_interface(draft), *_structure(model)]
    if findings:
        raise report(findings)
    return _checked(draft.graph(name, rounding))


def _read(path: Path) -> bytes:
    if not path.is_file():
        raise fail("E0001", f"no such model file: {path}")
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise fail("E0020", f"{path} is larger than any model for a microcontroller")
        return path.read_bytes()
    except OSError as error:
        raise fail("E0001", f"cannot read {path}: {error.strerror}") from error


def _structure(model: Model) -> Iterator[Finding]:
    """What the file as a whole holds that Edge cannot run."""
    if model.subgraphs > 1 + len(model.initializers):
        title = f"a model of {model.subgraphs} subgraphs is not supported"
        help = "convert one signature without control flow"
        yield Finding(Unsupported(STRUCTURE, title, help), "the model")
    if any(tensor.is_variable for tensor in model.tensors):
        help = "keep state in resource variables (tf.Variable), which Edge imports"
        yield Finding(
            Unsupported(STRUCTURE, "variable tensors are not supported", help), "the model"
        )


def _convert(draft: Draft) -> Iterator[Finding]:
    """Convert all operators in order, yielding what is not supported."""
    for operator in draft.model.operators:
        call = Call(operator, draft)
        try:
            converter = None if operator.is_custom else CONVERTERS.get(operator.kind)
            if converter is None:
                raise unsupported_operator(operator.kind, operator.is_custom, CONVERTERS)
            converter(call)
        except Unsupported as problem:
            yield Finding(problem, call.where)


def _interface(draft: Draft) -> Iterator[Finding]:
    """Inputs and outputs must be int8 or float32, inputs of a fixed shape and batch 1."""
    model = draft.model
    sides = (("input", model.inputs, _input_problem), ("output", model.outputs, _output_problem))
    for side, indices, problem_of in sides:
        for index in indices:
            try:
                checked(draft.value(index))
                problem = problem_of(draft, index)
            except Unsupported as found:
                problem = found
            if problem:
                yield Finding(problem, f"{side} {model.tensors[index].name[:80]!r}")


def _input_problem(draft: Draft, index: int) -> Unsupported | None:
    tensor = draft.model.tensors[index]
    if min(tensor.signature[1:], default=1) < 0:
        help = "convert the model with a fixed input shape"
        return Unsupported(DYNAMIC, "the input shape is dynamic", help)
    if len(tensor.shape) > 1 and tensor.shape[0] != 1:
        return Unsupported(BATCH, "the input is a batch", "convert the model with batch size 1")
    return None


def _output_problem(draft: Draft, index: int) -> Unsupported | None:
    if draft.value(index).is_constant or index in draft.model.inputs:
        title = "an output is a constant or an input"
        return Unsupported(STRUCTURE, title, "remove this output: no operator computes it")
    return None


def _checked(graph: Graph) -> Graph:
    try:
        return check(graph)
    except GraphError as error:
        shown = error.problems[:5]
        more = len(error.problems) - len(shown)
        notes = (*shown[1:], *([f"and {more} more problems"] if more else []))
        raise fail(
            "E0022",
            f"the model contradicts itself: {shown[0]}",
            notes=notes,
            help=("convert the model again with fixed shapes",),
        ) from error
