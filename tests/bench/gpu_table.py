"""The GPU goals, each with its dense baseline in the same run: one table.

    python tests/bench/gpu_table.py [--only prefill hip ...] [--tiny] [--json]

On a CPU it says which rows need a GPU and measures the others. --tiny runs the code of every row at
toy sizes, Triton kernels in their interpreter where there is no GPU: the figures then mean nothing.
Each goal runs in a process of its own, so that one that fails leaves the others alone.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from edge.cli.tables import print_table

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))  # found from any folder

from tests.bench.gpu.row import Row, Setting
from tests.bench.gpu.table import GOALS, Goal
from tests.bench.gpu.timing import card

HEAD = ("goal", "case", "ours", "dense", "unit", "times", "density", "index ms", "error at 4K",
        "reached", "note")  # fmt: skip
NEEDS_GPU = "needs a GPU"


def measured(goal: Goal, setting: Setting) -> Iterator[dict[str, Any]]:
    """The rows of a goal as plain data, here and now."""
    for row in goal.rows(setting):
        yield _plain(goal, row, None if setting.tiny else row.reached)


def apart(goal: Goal, setting: Setting) -> list[dict[str, Any]]:
    """The same from a process of its own; if that fails, a row that says why."""
    command = [sys.executable, __file__, "--only", goal.name, "--json", "--here"]
    command += ["--tiny"] * setting.tiny
    done = subprocess.run(command, cwd=ROOT, text=True, capture_output=True, check=False)
    rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode:
        last = (done.stderr.strip() or f"exit status {done.returncode}").splitlines()[-1]
        rows.append(_said(goal, f"failed: {last}"))
    return rows


def _said(goal: Goal, note: str) -> dict[str, Any]:
    return _plain(goal, Row(goal.title, note=note), None)


def _plain(goal: Goal, row: Row, reached: bool | None) -> dict[str, Any]:
    found = {"goal": goal.name, **asdict(row), "times": row.times, "reached": reached}
    del found["met"]  # how `reached` was found out
    return found


def table(
    setting: Setting, goals: Sequence[Goal] = GOALS, *, here: bool = False
) -> Iterator[dict[str, Any]]:
    """All rows; without a GPU those that need one say so, unless they are tiny."""
    for goal in goals:
        if goal.needs_gpu and setting.device != "cuda" and not setting.tiny:
            yield _said(goal, NEEDS_GPU)
        else:
            yield from measured(goal, setting) if here else apart(goal, setting)


def _cells(row: dict[str, Any]) -> tuple[Any, ...]:
    reached = {True: "yes", False: "no", None: None}[row["reached"]]
    return (row["goal"], row["case"], row["ours"], row["dense"], row["unit"], row["times"],
            row["density"], row["index_ms"], row["error_4k"], reached, row["note"])  # fmt: skip


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    names = [goal.name for goal in GOALS]
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="GOAL",
                        help=", ".join(names))  # fmt: skip
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--json", action="store_true", help="a line for each row")
    parser.add_argument("--here", action="store_true", help="in this process")
    options = parser.parse_args()
    if not torch.cuda.is_available():
        torch.set_num_threads(1)
    goals = [goal for goal in GOALS if goal.name in options.only]
    rows = []
    for row in table(Setting(options.tiny), goals, here=options.here):
        rows.append(row)
        if options.json:
            print(json.dumps({**row, "card": card()}), flush=True)
        else:
            print(f"{row['goal']}: {row['case']}", file=sys.stderr, flush=True)
    if not options.json:
        print(card())
        print_table(("goal", "what", "target"), [(g.name, g.title, g.target) for g in goals])
        print_table(HEAD, [_cells(row) for row in rows])


if __name__ == "__main__":
    main()
