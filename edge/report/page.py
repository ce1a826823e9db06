"""One self-contained HTML page about an exported folder: no script, no network."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.emit.templates import render
from edge.errors import Diagnostic, EdgeError
from edge.planning import Plan, Stage, Step, occupancy
from edge.report.arena import arena_svg
from edge.target import load_target
from edge.workflow.bench import Benchmark, bench
from edge.workflow.project import Project, open_project


@dataclass(frozen=True)
class Budget:
    """A bar: named parts in bytes against a limit, None where there is none."""

    name: str
    parts: Mapping[str, int]
    limit: int | None

    @property
    def used(self) -> int:
        return sum(self.parts.values())

    @property
    def whole(self) -> int:
        """What the full width of the bar stands for."""
        return max(self.used, self.limit or 0, 1)


@dataclass(frozen=True)
class Report:
    """The page written, and a record a layer: name, op, kernel, sparsity, weight_bytes, `cost`.

    `cost` is what was measured, None where nothing was. `dense_weight_bytes` and
    `predicted_speedup` compare a sparse layer with its dense form; None for dense ones. `states`
    are what lives on from one inference to the next, such as the rings of keys and values of a
    language model: name, bytes, offset.
    """

    page: Path
    layers: Sequence[Mapping[str, Any]]
    states: Sequence[Mapping[str, Any]] = ()


def write_report(
    out: str | Path,
    *,
    output: Path | None = None,
    measure: bool = True,
    on: str | None = None,
    toolchain: str | None = None,
) -> Report:
    """Write report.html into the folder (or to `output`).

    With `measure` the project is built and run first; what cannot be built or run is shown as a
    diagnostic, and the page then has only what the plan predicts.
    """
    project = open_project(out)
    measured, diagnostics = _measured(project, on, toolchain) if measure else (None, ())
    path = output or project.path / "report.html"
    view = _view(project, measured, diagnostics)
    _write(path, render("report/page.html.j2", view))
    return Report(path, [_record(row) for row in view["layers"]], project.plan["states"])


def _record(row: Mapping[str, Any]) -> dict[str, Any]:
    dense = row["dense"]
    return {
        **{key: row[key] for key in ("name", "op", "kernel", "sparsity", "weight_bytes", "cost")},
        "dense_weight_bytes": dense and dense["dense_weight_bytes"],
        "predicted_speedup": dense and round(dense["dense_predicted"] / dense["predicted"], 3),
    }


def _measured(
    project: Project, on: str | None, toolchain: str | None
) -> tuple[Benchmark | None, tuple[Diagnostic, ...]]:
    try:
        return bench(project.path, on=on, toolchain=toolchain), ()
    except EdgeError as error:
        return None, error.diagnostics


def _view(
    project: Project, measured: Benchmark | None, diagnostics: tuple[Diagnostic, ...]
) -> dict[str, Any]:
    plan = plan_of(project)
    target = load_target(project.target)
    labels = [" + ".join(step.node for step in stage.steps) for stage in plan.stages]
    return {
        "name": project.name,
        "target": target,
        "model": project.report["model"],
        "memory": project.report["memory"],
        "plan": project.plan,
        "measured": measured,
        "layers": _layers(project, measured),
        "budgets": _budgets(project, measured),
        "arena": arena_svg(occupancy(project.graph, plan), labels, plan.arena),
        "diagnostics": [str(diagnostic) for diagnostic in diagnostics],
    }


def plan_of(project: Project) -> Plan:
    """The Plan that plan.json holds."""
    content = project.plan
    return Plan(
        content["name"],
        content["target"],
        tuple(_stage(stage) for stage in content["stages"]),
        content["offsets"],
        {int(index): offset for index, offset in content["scratch_offsets"].items()},
        content["arena"],
        content["bound"],
        content["sums"],
    )


def _stage(content: Mapping[str, Any]) -> Stage:
    steps = tuple(Step(**step) for step in content["steps"])
    return Stage(steps, content["descending"], content["rings"])


def _layers(project: Project, measured: Benchmark | None) -> list[dict[str, Any]]:
    rows = [dict(layer) for layer in project.plan["layers"]]
    for index, row in enumerate(rows):
        cost = measured.layers[index] if measured else {}
        row["cost"] = cost.get("instructions") or cost.get("time_us")
        row["shape"] = "x".join(map(str, project.graph.type(row["output"]).shape))
    largest = max((row["cost"] or 0 for row in rows), default=0)
    for row in rows:
        row["share"] = 100 * (row["cost"] or 0) / largest if largest else 0
    return rows


def _budgets(project: Project, measured: Benchmark | None) -> list[Budget]:
    memory = project.report["memory"]
    ram = dict(measured.ram) if measured else {}
    flash = dict(measured.flash) if measured else {}
    ram.pop("total", None)
    flash.pop("total", None)
    return [
        Budget("RAM", _with_states(project, ram), memory["sram_budget"] or None),
        Budget("flash", flash or {"constants": memory["weights"]}, memory["flash_budget"] or None),
    ]


def _with_states(project: Project, ram: Mapping[str, int]) -> dict[str, int]:
    """The parts of RAM; what the arena keeps from one inference to the next is one of its own."""
    parts = dict(ram) or {"arena": int(project.plan["arena"])}
    states = sum(int(state["bytes"]) for state in project.plan["states"])
    if not states:
        return parts
    return {"states": states, **parts, "arena": parts["arena"] - states}


def _write(path: Path, text: str) -> None:
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as staged:
        staged.write(text)
    os.chmod(staged.name, 0o644)
    os.replace(staged.name, path)
