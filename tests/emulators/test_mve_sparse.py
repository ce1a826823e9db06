"""The sparse kernels for the M-profile vector extension equal the numpy reference in every byte,
with both compilers.

All cases of a compiler are one firmware; each test looks at the cases of one topic.
"""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from tests.emulators.dsp_firmware import Case, Outcome, run_cases
from tests.emulators.sparse_cases import (
    TOPICS,
    Family,
    Topic,
    all_cases,
)

MVE = Family(
    pointwise=("mve/pointwise_conv2d_sparse_s8",),
    conv="mve/conv2d_sparse_s8",
    linear="mve/linear_sparse_s8",
    block=(2, 16),
    linear_block=(4, 4),
    depth=16,
    gaps=(1, 100, 252, 253),
    linear_gaps=(1, 253, 254),
)


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    return all_cases(MVE)


@pytest.fixture(scope="module", params=["gcc", "zig"])
def outcome(
    request: pytest.FixtureRequest, cases: list[Case], tmp_path_factory: pytest.TempPathFactory
) -> Outcome:
    target, toolchain = "cortex-m55", request.param
    if not shutil.which("qemu-system-arm"):
        pytest.skip("qemu-system-arm is not installed")
    if toolchain == "gcc" and not shutil.which("arm-none-eabi-gcc"):
        pytest.skip("arm-none-eabi-gcc is not installed")
    return run_cases(cases, target, toolchain, tmp_path_factory.mktemp("mve-sparse"))


@pytest.mark.parametrize("topic", TOPICS, ids=lambda t: t.__name__)
def test_every_byte_equals_the_reference(outcome: Outcome, topic: Topic) -> None:
    assert [name for name in outcome.failed if name.startswith(f"{topic.__name__}:")] == []


def test_the_planner_accepts_every_case(cases: list[Case]) -> None:
    refused = [c.name for c in cases if not c.chosen.accepts(c.graph, c.graph.nodes[0])]
    assert refused == []


def test_outputs_are_not_all_alike(cases: list[Case]) -> None:
    """Cases that only compare constants would prove nothing."""
    varied = sum(len(np.unique(c.expected)) > 1 for c in cases)
    assert varied > 0.8 * len(cases)
