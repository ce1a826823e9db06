"""MCUNet-5FPS with a fresh head of ten classes, as training starts from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edge.ir import DType, Graph, Quantization, TensorType, Value, check
from edge.training.scheme import UpdateScheme, published
from tests.models.mcunet import mcunet
from tests.training.published_schemes import SCHEMES

CLASSES = 10
_WEIGHT_SCALE, _SCORE_SCALE = 1 / 256, 1 / 8
_SPREAD = 0.02  # standard deviation of the real weights


def mcunet10(seed: int = 3) -> Graph:
    """Scores int8[1, 1, 1, 10] in units of 1/8; head weights are small and random."""
    graph = mcunet()
    *body, head = graph.nodes
    channels = graph.type(head.inputs[0]).shape[3]
    spread = np.random.default_rng(seed).normal(0, _SPREAD, (CLASSES, 1, 1, channels))
    weight = np.rint(spread / _WEIGHT_SCALE).astype(np.int8)
    quantization = Quantization((_WEIGHT_SCALE,) * CLASSES, (0,) * CLASSES, 0)
    bias = np.zeros(CLASSES, np.int32)
    scores = Quantization.per_tensor(_SCORE_SCALE, 0)
    made = [
        Value("head_weight", TensorType(weight.shape, DType.INT8, quantization), weight),
        Value("head_bias", TensorType(bias.shape, DType.INT32), bias),
        Value("scores", TensorType((1, 1, 1, CLASSES), DType.INT8, scores)),
    ]
    inputs = (head.inputs[0], "head_weight", "head_bias")
    fresh = replace(head, name="head", inputs=inputs, outputs=("scores",))
    return check(replace(graph, outputs=("scores",)).with_nodes([*body, fresh], made))


def published_scheme(graph: Graph, kib: int) -> UpdateScheme:
    """The scheme of Lin et al. with this many KiB."""
    chosen = next(s for s in SCHEMES if (s.model, s.kib) == ("mcunet-5fps", kib))
    return published(graph, chosen.bias_layers, chosen.ratios)
