"""The GPU table: on a CPU it says what needs a GPU, and the code of its rows runs at toy sizes."""

from __future__ import annotations

from importlib import import_module

import pytest
import torch

from tests.bench.gpu.row import Row, Setting
from tests.bench.gpu.table import GOALS, Goal
from tests.bench.gpu_table import apart, measured, table
from tests.gpu.needs import needs_triton

TINY = Setting(tiny=True)
BY_NAME = {goal.name: goal for goal in GOALS}


@pytest.mark.skipif(torch.cuda.is_available(), reason="says so where there is no GPU")
def test_rows_that_need_a_gpu_say_so_on_a_cpu():
    goals = [goal for goal in GOALS if goal.needs_gpu]
    rows = list(table(Setting(), goals))
    assert [row["goal"] for row in rows] == [goal.name for goal in goals]
    assert {row["note"] for row in rows} == {"needs a GPU"}
    assert len(goals) == len(GOALS) - 1


@pytest.mark.parametrize("goal", GOALS, ids=list(BY_NAME))
def test_every_goal_has_code_that_measures_it(goal):
    pytest.importorskip("triton", reason="needs triton: pip install 'edge-nn[llm]' on Linux")
    module, _, function = goal.measure.partition(".")
    assert callable(getattr(import_module(f"tests.bench.gpu.{module}"), function))


@needs_triton
@pytest.mark.parametrize("name", ["block-sparse", "moa", "two-of-four", "many-adapters"])
def test_kernels_run_and_have_a_dense_baseline_in_the_same_run(name):
    pytest.importorskip("peft", reason="needs peft: pip install 'edge-nn[llm]'")
    rows = list(measured(BY_NAME[name], TINY))
    assert rows
    assert all(row["ours"] > 0 and row["dense"] > 0 and row["times"] > 0 for row in rows)
    assert all(row["error_4k"] is None or row["error_4k"] < 1e-5 for row in rows)


def test_strict_drafts_of_half_of_the_neurons_are_greedy_decoding():
    row, bound = measured(BY_NAME["sirius"], TINY)
    assert "equal to greedy: True" in row["note"]
    assert bound["density"] < 0.8


def test_a_goal_that_fails_leaves_a_row_that_says_why():
    (row,) = apart(Goal("none", "none", "nowhere.none"), TINY)
    assert row["goal"] == "none"
    assert row["note"].startswith("failed: ")
    assert "none" in row["note"]


@pytest.mark.parametrize(
    ("row", "times", "reached"),
    [
        (Row("ms", 2.0, 6.0, target=3.0), 3.0, True),
        (Row("rate", 6.0, 2.0, "tokens per s", 4.0), 3.0, False),
        (Row("two conditions", 2.0, 6.0, target=3.0, met=False), 3.0, False),
        (Row("no target", 2.0, 6.0), 3.0, None),
        (Row("no baseline", 2.0, met=True), None, True),
    ],
)
def test_times_say_how_much_better_ours_is(row, times, reached):
    assert (row.times, row.reached) == (times, reached)
