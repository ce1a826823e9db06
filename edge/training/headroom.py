"""Scores that training may drive further out than calibration saw.

A score at the end of its int8 range has no gradient: a class that has fallen out of the range can
not come back. Calibration saw the scores of the classes that the model came with.
"""

from __future__ import annotations

from dataclasses import replace

from edge.errors import fail
from edge.ir import Graph, Quantization
from edge.quantization.constants import per_tensor
from edge.quantization.requantize import INT8_MAX, INT8_MIN
from edge.training.scheme import WEIGHTED


def with_headroom(graph: Graph, factor: float) -> Graph:
    """The graph whose scores, the output of its last layer, have a range around 0 that is `factor`
    times as wide as the further end of theirs.

    Raises EdgeError E0017 where the scores are not made by a layer with weights.
    """
    name = graph.outputs[0]
    node = graph.producers.get(name)
    if node is None or node.op not in WEIGHTED:
        raise fail(
            "E0017", "headroom is for scores that a layer with weights makes",
            help=["leave the headroom at 1"],
        )  # fmt: skip
    scale, zero = per_tensor(graph, node, name)
    reach = max(INT8_MAX - zero, zero - INT8_MIN)
    wide = Quantization((factor * scale * reach / INT8_MAX,), (0,))
    value = graph.values[name]
    changed = replace(value, type=replace(value.type, quantization=wide))
    return replace(graph, values={**graph.values, name: changed})
