"""The sparse Armv7E-M kernels equal the numpy reference in every byte, on both compilers and cores.

All cases of a compiler and a core are one firmware; each test looks at the cases of one topic.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from edge.ir import Rounding
from tests.emulators.dsp_firmware import Case, Outcome, run_cases
from tests.emulators.dsp_graphs import Spec, random_weights, weighted
from tests.emulators.installed import need
from tests.emulators.pair_cases import (
    pairs_at_their_ends,
    pairs_of_every_count,
    shared_by_four_outputs,
)
from tests.emulators.scattered_cases import (
    scattered_ends,
    scattered_gaps,
    scattered_in_place,
    scattered_masks,
    scattered_pixels_of_every_count,
)
from tests.emulators.sparse_cases import (
    MASKS,
    TOPICS,
    Family,
    Random,
    Topic,
    all_cases,
    case,
    convolution,
    end_case,
    extreme_weights,
)

DSP = Family(
    pointwise=tuple(f"dsp/pointwise_conv2d_sparse{name}_s8" for name in ("", "_few", "_lean")),
    conv="dsp/conv2d_sparse_s8",
    linear="dsp/linear_sparse_s8",
    block=(1, 4),
    linear_block=(4, 4),
    depth=4,
    gaps=(83, 84, 85, 169, 170, 171, 254, 255, 256, 400),
    linear_gaps=(253, 254, 255, 256, 511),
)


def words_across_pixels(family: Family, rng: Random) -> Iterator[Case]:
    """Kernel rows are whole words though pixels are not."""
    for in_c, kernel_w in ((3, 4), (2, 2), (1, 4)):
        weight = family.mask(random_weights((4, 4, kernel_w, in_c), rng), "half", rng)
        graph = convolution((9, 9, in_c), weight, Spec(), rng, padding=(2, 1, 2, 1))
        yield case(f"{in_c} channels", graph, family.conv, rng)


def linear_scales_for_each_channel(family: Family, rng: Random) -> Iterator[Case]:
    """Rounded once, linear layers may have a multiplier a channel: all masks, gaps and ends."""
    spec = Spec(Rounding.SINGLE)
    for index, (kind, words, groups) in enumerate(product(MASKS, (1, 3, 4, 5, 9), (1, 3))):
        weight = family.linear_mask(random_weights((4 * groups, 4 * words), rng), kind, rng)
        graph = weighted("linear", (1 + index % 2, 4 * words), weight, spec, rng)
        yield case(f"{kind} {words} words {groups} groups", graph, family.linear, rng)
    for gap in family.linear_gaps:
        weight = np.zeros((8, 4 * (gap + 2)), np.int8)
        weight[0, :4], weight[3, -4:], weight[6, -1] = 9, -7, 127
        graph = weighted("linear", (1, weight.shape[1]), weight, replace(spec, spread=30.0), rng)
        yield case(f"gap {gap}", graph, family.linear, rng)
    for value, activation in product((-128, 127), ("none", "relu6")):
        weight = family.linear_mask(extreme_weights((16, 64), rng), "half", rng)
        wide = replace(spec, spread=20.0, activation=activation)
        graph = weighted("linear", (2, 64), weight, wide, rng)
        yield end_case(f"ends {value} {activation}", graph, family.linear, value)


OWN_TOPICS: tuple[Topic, ...] = (
    words_across_pixels,
    linear_scales_for_each_channel,
    shared_by_four_outputs,
    pairs_of_every_count,
    pairs_at_their_ends,
    scattered_pixels_of_every_count,
    scattered_in_place,
    scattered_masks,
    scattered_gaps,
    scattered_ends,
)


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    return all_cases(DSP, *OWN_TOPICS)


@pytest.fixture(
    scope="module",
    params=[("cortex-m7", "gcc"), ("cortex-m7", "zig"), ("cortex-m4", "gcc"), ("cortex-m4", "zig")],
    ids="-".join,
)
def outcome(
    request: pytest.FixtureRequest, cases: list[Case], tmp_path_factory: pytest.TempPathFactory
) -> Outcome:
    target, toolchain = request.param
    need(target, toolchain)
    return run_cases(cases, target, toolchain, tmp_path_factory.mktemp("dsp-sparse"))


@pytest.mark.parametrize("topic", [*TOPICS, *OWN_TOPICS], ids=lambda t: t.__name__)
def test_every_byte_equals_the_reference(outcome: Outcome, topic: Topic) -> None:
    assert [name for name in outcome.failed if name.startswith(f"{topic.__name__}:")] == []


def test_the_planner_accepts_every_case(cases: list[Case]) -> None:
    refused = [c.name for c in cases if not c.chosen.accepts(c.graph, c.graph.nodes[0])]
    assert refused == []


def test_outputs_are_not_all_alike(cases: list[Case]) -> None:
    """Cases that only compare constants would prove nothing."""
    varied = sum(len(np.unique(c.expected)) > 1 for c in cases)
    assert varied > 0.8 * len(cases)
