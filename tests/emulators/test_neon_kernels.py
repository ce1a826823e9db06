"""The NEON kernels equal the numpy reference in every byte, on both architectures and compilers.

All cases of a compiler and a target are one program; each test looks at the cases of one topic.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from tests.emulators.dsp_firmware import Case, Outcome, run_cases
from tests.emulators.installed import need
from tests.emulators.neon_cases import TOPICS, Topic, all_cases

FOLDERS = {
    "aarch64": "neon",
    "armv7a": "neon",
    "aarch64-dotprod": "neondot",
    "aarch64-i8mm": "neoni8mm",
}

cases_of = cache(all_cases)


@pytest.fixture(
    scope="module",
    params=[(target, compiler) for target in FOLDERS for compiler in ("zig", "gcc")],
    ids="-".join,
)
def outcome(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    name, compiler = request.param
    need(name, compiler)
    return run_cases(cases_of(FOLDERS[name]), name, compiler, tmp_path_factory.mktemp("neon"))


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.__name__)
def test_every_byte_equals_the_reference(outcome: Outcome, topic: Topic) -> None:
    assert [name for name in outcome.failed if name.startswith(f"{topic.__name__}:")] == []


@pytest.mark.parametrize("folder", ["neon", "neondot", "neoni8mm"])
def test_the_planner_accepts_every_case(folder: str) -> None:
    refused = [c.name for c in cases_of(folder) if not c.chosen.accepts(c.graph, c.graph.nodes[0])]
    assert refused == []


def test_outputs_are_not_all_alike() -> None:
    """Cases that only compare constants would prove nothing."""
    cases: list[Case] = cases_of("neon")
    varied = sum(len(np.unique(case.expected)) > 1 for case in cases)
    assert varied > 0.8 * len(cases)
