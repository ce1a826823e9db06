"""Operators of a language model: numpy == C."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import pytest

from edge.planning.kernels_ref_decoder import scores_bytes

from . import decoder_cases as cases
from .cases import Case, run, run_in_place
from .draws import assert_same
from .host import GuardedBytes, Kernels

Draw = Callable[[np.random.Generator], Iterable[cases.Drawn]]


@pytest.mark.parametrize(
    ("draw", "kernel"),
    [
        (cases.embeddings, "embedding_s8_s16"),
        (cases.residuals, "residual_s16_s8"),
        (cases.norms, "rms_norm_s16_s8"),
        (cases.choices, "argmax_s8"),
        (lambda rng: cases.positions(), "advance"),
    ],
    ids=["embedding", "residual", "rms_norm", "argmax", "advance"],
)
def test_an_operator(kernels: Kernels, draw: Draw, kernel: str) -> None:
    for graph, data in draw(np.random.default_rng(1)):
        case = Case(graph, data, kernel)
        assert_same(run(kernels, case), case.expected)


def test_rotary_of_both_types(kernels: Kernels) -> None:
    for graph, data in cases.rotations(np.random.default_rng(2)):
        kernel = "rotary_s8" if graph.type("out").dtype == "int8" else "rotary_s8_s16"
        case = Case(graph, data, kernel)
        assert_same(run(kernels, case), case.expected)


def test_a_row_is_appended_in_place(kernels: Kernels) -> None:
    for graph, data in cases.appends(np.random.default_rng(3)):
        case = Case(graph, data, "append")
        assert_same(run_in_place(kernels, case), case.expected)


def test_attention_over_rings(kernels: Kernels) -> None:
    for graph, data in cases.attentions(np.random.default_rng(4)):
        case = Case(graph, data, "ring_attention_s8")
        scratch = GuardedBytes(scores_bytes(graph, case.node))
        out = GuardedBytes(graph.type("out").nbytes)
        kernels.call(case.kernel, case.descriptor, case.presented, 0, out.inside, scratch.inside)
        scratch.check()
        out.check()
        assert_same(case.shaped(out), case.expected)
