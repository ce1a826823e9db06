"""Post-training quantization: a float graph and calibration data give an int8 graph."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace

from edge import reference
from edge.errors import Diagnostic, EdgeError, fail
from edge.ir import Graph, Rounding
from edge.ir.types import Array
from edge.passes.pipeline import FLOAT_PASSES, run_passes
from edge.quantization.calibration import (
    Sample,
    Source,
    batches,
    progress_bar,
    sample_count,
    samples,
)
from edge.quantization.integer_form import require_integer_form
from edge.quantization.lower import NO_WEIGHTS, lower
from edge.quantization.observers import OBSERVERS, Observer
from edge.quantization.ranges import Range, Warn, annotate
from edge.quantization.seven_bits import require_bits
from edge.quantization.sharing import activations

BATCH = 16  # samples interpreted at once: bounds the memory that calibration takes


def ignore(diagnostic: Diagnostic) -> None:
    """Warnings go nowhere unless the caller wants them."""


def quantize(
    graph: Graph,
    calibration: Source,
    *,
    observer: str = "minmax",
    rounding: Rounding = Rounding.SINGLE,
    activation_bits: int = 8,
    input_range: Range | None = None,
    progress: bool = True,
    warn: Warn = ignore,
) -> Graph:
    """The int8 graph of a float graph.

    Weights become int8, symmetric per output channel; activations int8, asymmetric per tensor, over
    the range that `observer` ("minmax", "moving_average", "percentile" or "mse") finds on the
    calibration data (see edge.quantization.calibration). With 7 `activation_bits` what convolutions
    and linear layers read, model inputs apart, holds 0..127 alone (edge.quantization.seven_bits).
    `input_range` is that of the inputs where what makes them has its own scale: a front end whose
    int8 rows stand for -32 to 31.75. `warn` receives diagnostics that do not stop the work.
    Raises EdgeError E0201 to E0206, E0030 and E0031.
    """
    require_bits(activation_bits)
    graph = replace(run_passes(graph, FLOAT_PASSES), rounding=rounding)
    require_integer_form(graph, NO_WEIGHTS)
    checked = samples(calibration, graph)
    counted = progress_bar(checked, "calibrating", sample_count(calibration), progress)
    ranges = observe(graph, counted, observer)
    if input_range is not None:
        ranges |= dict.fromkeys(graph.inputs, input_range)
    return lower(graph, annotate(graph, ranges, warn, activation_bits))


def observe(graph: Graph, inputs: Iterable[Sample], observer: str = "minmax") -> dict[str, Range]:
    """The range of every activation over the inputs, as the observer sees it.

    The inputs of a graph with states are a sequence.

    Raises EdgeError E0031 for an unknown observer, E0203 for activations that are not finite.
    """
    if observer not in OBSERVERS:
        raise fail("E0031", f"no observer {observer!r}", help=[f"one of {', '.join(OBSERVERS)}"])
    watching = {name: OBSERVERS[observer]() for name in activations(graph)}
    session = reference.Session(graph)
    for batch in batches(inputs, BATCH):
        _watch(session, batch, watching)
    ranges = {name: watch.range() for name, watch in watching.items()}
    _check_finite(graph, ranges)
    return ranges


def _watch(session: reference.Session, batch: Sample, watching: Mapping[str, Observer]) -> None:
    graph = session.graph

    def seen(name: str, value: Array) -> None:
        has_batch = graph.type(name).shape[:1] == (1,)
        watching[name].observe(value if has_batch else value[None])

    session.run_batch([batch[name] for name in graph.inputs], observe=seen)


def _check_finite(graph: Graph, ranges: dict[str, Range]) -> None:
    problems = [
        Diagnostic("E0203", f"{name} is not finite on the calibration data", name)
        for name, (low, high) in ranges.items()
        if not math.isfinite(high - low)
    ]
    if problems:
        raise EdgeError(*problems)
