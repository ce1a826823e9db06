"""An exported folder as compilers and runners see it: sources and the sizes of its tensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.errors import EdgeError, fail
from edge.workflow.project import open_project

FRAME_FILE = "test/frame.c"


@dataclass(frozen=True)
class ProjectSources:
    """A folder that `edge export` wrote. `files` are relative to it; tensor sizes are bytes.

    `input_rows` is 0 where the input lies in the arena, else the rows in which it is given.
    The samples of a model that has states are a sequence. `exports` are symbols that a library
    shows beside the model's own. `fused` models add products unrounded (fp32-fused).
    """

    path: Path
    name: str
    files: tuple[str, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    arena: int
    input_rows: int = 0
    has_states: bool = False
    exports: tuple[str, ...] = ()
    fused: bool = False

    @property
    def functions(self) -> tuple[str, ...]:
        """What a runner uses of the model, by the symbols' endings."""
        reset = ("reset",) if self.has_states else ()
        return ("input", "output", "invoke", "arena", *reset)

    @property
    def frame_files(self) -> tuple[str, ...]:
        """What makes a model that takes rows look like one that takes a frame in memory."""
        return (FRAME_FILE,) if self.input_rows else ()

    @property
    def include_folders(self) -> tuple[Path, ...]:
        return (self.path, self.path / "edge" / "include", self.path / "test")


def load_sources(path: Path) -> ProjectSources:
    """What the plan of an exported folder says. Raises EdgeError (E0003) if it is none."""
    plan = open_project(path).plan
    try:
        sources = _sources(path.resolve(), plan)
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged(path, f"plan.json: {type(error).__name__}: {error}") from error
    lost = [source for source in sources.files if not (path / source).is_file()]
    if lost:
        raise _damaged(path, f"{len(lost)} source files are missing, first {lost[0]}")
    return sources


def _sources(path: Path, plan: Mapping[str, Any]) -> ProjectSources:
    return ProjectSources(
        path=path,
        name=str(plan["name"]),
        files=tuple(str(source) for source in plan["sources"]),
        inputs=tuple(int(tensor["bytes"]) for tensor in plan["inputs"]),
        outputs=tuple(int(tensor["bytes"]) for tensor in plan["outputs"]),
        arena=int(plan["arena"]),
        input_rows=int(plan.get("input_rows", 0)),
        has_states=bool(plan.get("states")),
        fused=plan.get("rounding") == "float_fused",
        exports=tuple(str(name) for name in plan.get("exports", ())),
    )


def _damaged(path: Path, note: str) -> EdgeError:
    return fail(
        "E0003",
        f"{path} is not as `edge export` wrote it",
        notes=[note],
        help=["export the model again"],
    )
