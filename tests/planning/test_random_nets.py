"""Plans of random nets are sound, whatever the shapes; the seeds are fixed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edge.ir import Graph, check
from edge.planning import check_plan, plan
from edge.reference import run
from edge.target import Target
from tests.planning.execution import Machine
from tests.planning.random_nets import random_net

SEEDS = range(120)


def takes_rows(graph: Graph) -> bool:
    return len(graph.inputs) == 1 and graph.type(graph.inputs[0]).shape[1] > 1


GOALS = {
    "plain": {},
    "smallest": {"smallest": True},
    "streamed": {"smallest": True, "streamed": True},
}


@pytest.mark.parametrize("goal", GOALS)
@pytest.mark.parametrize("seed", SEEDS)
def test_random_net_runs_in_its_arena(seed: int, goal: str, portable: Target) -> None:
    graph = check(random_net(seed))
    if goal == "streamed" and not takes_rows(graph):
        pytest.skip("two inputs, or one row")
    made = plan(graph, portable, **GOALS[goal])
    assert check_plan(graph, made) > 0
    assert made.arena >= made.bound
    rng = np.random.default_rng(seed)
    inputs = {
        name: rng.integers(-128, 128, graph.type(name).shape).astype(np.int8)
        for name in graph.inputs
    }
    Machine(graph, made).run(inputs, run(graph, list(inputs.values()), values=True))


@pytest.mark.parametrize("goal", GOALS)
@pytest.mark.parametrize("seed", SEEDS[::10])
def test_random_net_with_dsp_kernels_is_checked(seed: int, goal: str, cortex_m7: Target) -> None:
    graph = random_net(seed)
    if goal != "streamed" or takes_rows(graph):
        assert check_plan(graph, plan(graph, cortex_m7, **GOALS[goal])) > 0


def test_arenas_are_close_to_the_live_bytes(portable: Target) -> None:
    """Tensors of a few bytes lose some to alignment; 30 seeds lose less than 5 % together."""
    plans = [plan(random_net(seed), portable) for seed in range(200, 230)]
    assert sum(made.arena for made in plans) < 1.05 * sum(made.bound for made in plans)


def test_plan_does_not_depend_on_the_order_of_hashes() -> None:
    """The same plan in processes that hash text differently."""
    program = (
        "from edge.planning import plan; from edge.target import load_target;"
        "from tests.planning.random_nets import random_net;"
        "print(*(plan(random_net(seed), load_target('host')) for seed in range(8)))"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1
