"""The sparse Armv7E-M kernels equal the numpy reference in every byte, on both compilers and cores.

All cases of a compiler and a core are one firmware; each test looks at the cases of one topic.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import numpy as np
import pytest

from tests.emulators.dsp_firmware import Case, Outcome, run_cases
from tests.emulators.dsp_graphs import Spec, random_weights
from tests.emulators.sparse_cases import (
    TOPICS,
    Family,
    Random,
    Topic,
    all_cases,
    case,
    convolution,
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


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    return all_cases(DSP, words_across_pixels)


@pytest.fixture(
    scope="module",
    params=[("cortex-m7", "gcc"), ("cortex-m7", "zig"), ("cortex-m4", "gcc"), ("cortex-m4", "zig")],
    ids="-".join,
)
def outcome(
    request: pytest.FixtureRequest, cases: list[Case], tmp_path_factory: pytest.TempPathFactory
) -> Outcome:
    target, toolchain = request.param
    if not shutil.which("qemu-system-arm"):
        pytest.skip("qemu-system-arm is not installed")
    if toolchain == "gcc" and not shutil.which("arm-none-eabi-gcc"):
        pytest.skip("arm-none-eabi-gcc is not installed")
    return run_cases(cases, target, toolchain, tmp_path_factory.mktemp("dsp-sparse"))


@pytest.mark.parametrize("topic", [*TOPICS, words_across_pixels], ids=lambda t: t.__name__)
def test_every_byte_equals_the_reference(outcome: Outcome, topic: Topic) -> None:
    assert [name for name in outcome.failed if name.startswith(f"{topic.__name__}:")] == []


def test_the_planner_accepts_every_case(cases: list[Case]) -> None:
    refused = [c.name for c in cases if not c.chosen.accepts(c.graph, c.graph.nodes[0])]
    assert refused == []


def test_outputs_are_not_all_alike(cases: list[Case]) -> None:
    """Cases that only compare constants would prove nothing."""
    varied = sum(len(np.unique(c.expected)) > 1 for c in cases)
    assert varied > 0.8 * len(cases)
