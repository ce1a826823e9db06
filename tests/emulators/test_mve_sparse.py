"""The sparse kernels for the M-profile vector extension equal the numpy reference in every byte,
with both compilers.

All cases of a compiler are one firmware; each test looks at the cases of one topic.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from edge.planning.weight_rows import weight_rows
from edge.sparsity.block_rows import nonzero_blocks
from tests.emulators.dsp_firmware import Case, Outcome, run_cases
from tests.emulators.installed import need
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


WORDS = Family(
    pointwise=("mve/pointwise_conv2d_sparse_words_s8",),
    conv="mve/conv2d_sparse_words_s8",
    linear="mve/pointwise_conv2d_sparse_words_s8",
    block=(2, 4),
    linear_block=(2, 4),
    depth=16,
    gaps=(1, 254, 255, 1022),
    linear_gaps=(1, 254, 255),
)
FAMILIES = {"2x16": MVE, "2x4": WORDS}


@cache
def cases_of(name: str) -> list[Case]:
    return all_cases(FAMILIES[name])


@pytest.fixture(scope="module", params=[(f, c) for f in FAMILIES for c in ("gcc", "zig")])
def outcome(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    name, toolchain = request.param
    need("cortex-m55", toolchain)
    folder = tmp_path_factory.mktemp("mve-sparse")
    return run_cases(cases_of(name), "cortex-m55", toolchain, folder)


@pytest.mark.parametrize("topic", TOPICS, ids=lambda t: t.__name__)
def test_every_byte_equals_the_reference(outcome: Outcome, topic: Topic) -> None:
    assert [name for name in outcome.failed if name.startswith(f"{topic.__name__}:")] == []


def test_the_planner_accepts_every_case_of_whole_vectors() -> None:
    cases = cases_of("2x16")
    refused = [c.name for c in cases if not c.chosen.accepts(c.graph, c.graph.nodes[0])]
    assert refused == []


def test_words_are_gathered_where_enough_blocks_are_zero() -> None:
    """On hardware a gather may take longer than the one instruction that it counts."""
    for case in cases_of("2x4"):
        node, rows = case.graph.nodes[0], weight_rows(case.graph, case.graph.nodes[0])
        enough = 8 * nonzero_blocks(rows, (2, 4)) <= 0.6 * rows.size
        assert case.chosen.accepts(case.graph, node) is enough, case.name


@pytest.mark.parametrize("name", FAMILIES)
def test_outputs_are_not_all_alike(name: str) -> None:
    """Cases that only compare constants would prove nothing."""
    varied = sum(len(np.unique(c.expected)) > 1 for c in cases_of(name))
    assert varied > 0.8 * len(cases_of(name))
