"""The sparse kernels for SDOT and SMMLA equal the numpy reference in every byte, with both
compilers.

All cases of a compiler are one program; each test looks at the cases of one topic.
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

DOT = Family(
    pointwise=("neondot/linear_sparse_s8",),
    conv="neondot/conv2d_sparse_s8",
    linear="neondot/linear_sparse_s8",
    block=(4, 4),
    linear_block=(4, 4),
    depth=4,
    gaps=(1, 254, 255, 256, 1022),
    linear_gaps=(1, 254, 1022),
)
MATRIX = Family(
    pointwise=("neoni8mm/linear_sparse_s8",),
    conv="neoni8mm/conv2d_sparse_s8",
    linear="neoni8mm/linear_sparse_s8",
    block=(4, 8),
    linear_block=(4, 8),
    depth=8,
    gaps=(1, 254, 255, 256, 510),
    linear_gaps=(1, 254, 510),
    word=8,
)
FAMILIES = {"aarch64-dotprod": DOT, "aarch64-i8mm": MATRIX}


@cache
def cases_of(target: str) -> list[Case]:
    return all_cases(FAMILIES[target])


@pytest.fixture(scope="module", params=[(t, c) for t in FAMILIES for c in ("gcc", "zig")])
def outcome(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    name, toolchain = request.param
    need(name, toolchain)
    folder = tmp_path_factory.mktemp("neon-sparse")
    return run_cases(cases_of(name), name, toolchain, folder)


@pytest.mark.parametrize("topic", TOPICS, ids=lambda t: t.__name__)
def test_every_byte_equals_the_reference(outcome: Outcome, topic: Topic) -> None:
    assert [name for name in outcome.failed if name.startswith(f"{topic.__name__}:")] == []


@pytest.mark.parametrize("target", FAMILIES)
def test_the_planner_accepts_what_has_enough_blocks_of_zeros(target: str) -> None:
    block = FAMILIES[target].block
    for case in cases_of(target):
        node, rows = case.graph.nodes[0], weight_rows(case.graph, case.graph.nodes[0])
        kept = nonzero_blocks(rows, block) * block[0] * block[1]
        is_sparse = kept < 0.8 * rows.size
        assert case.chosen.accepts(case.graph, node) is is_sparse, case.name


@pytest.mark.parametrize("target", FAMILIES)
def test_outputs_are_not_all_alike(target: str) -> None:
    """Cases that only compare constants would prove nothing."""
    varied = sum(len(np.unique(c.expected)) > 1 for c in cases_of(target))
    assert varied > 0.8 * len(cases_of(target))
