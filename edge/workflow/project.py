"""An exported folder: written whole or not at all, read back by verify, bench, run, report."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from edge.errors import fail
from edge.ir import Graph, parse
from edge.ir.types import Array

PLAN_FILE = "plan.json"
GRAPH_FILE = "graph.ir"
REPORT_FILE = "report.json"
MODEL_FILE = "test/model.tflite"
Files = Mapping[str, str | bytes]


@dataclass(frozen=True)
class Project:
    """An exported folder on disk. `plan` is the content of plan.json."""

    path: Path
    plan: Mapping[str, Any]

    @property
    def name(self) -> str:
        return str(self.plan["name"])

    @property
    def target(self) -> str:
        return str(self.plan["target"])

    @cached_property
    def graph(self) -> Graph:
        """The integer graph that the code computes."""
        return parse((self.path / GRAPH_FILE).read_text())

    @cached_property
    def report(self) -> Mapping[str, Any]:
        """What the export predicted: memory, layers, kernels."""
        content: Mapping[str, Any] = json.loads((self.path / REPORT_FILE).read_text())
        return content

    def stored_inputs(self) -> list[Array]:
        """The inputs of the stored test vectors, one array [vectors, ...] an input."""
        count = len(self.plan["inputs"])
        return [np.load(self.path / f"test/input_{i}.npy") for i in range(count)]

    def tflite(self) -> bytes | None:
        """The .tflite file the project was made from, if it was."""
        path = self.path / MODEL_FILE
        return path.read_bytes() if path.exists() else None


def open_project(path: str | Path) -> Project:
    """Read an exported folder. Raises EdgeError E0003 if it is not one."""
    folder = Path(path)
    try:
        plan = json.loads((folder / PLAN_FILE).read_text())
    except (OSError, ValueError) as error:
        raise fail(
            "E0003", f"{folder} is not a folder that `edge export` wrote", notes=[str(error)],
            help=[f"edge export MODEL -t TARGET -o {folder}"],
        ) from error  # fmt: skip
    return Project(folder, plan)


def write_project(out: Path, files: Files, force: bool = False) -> None:
    """Write all files into a new folder and put it in place of `out` in one step.

    Raises EdgeError E0004 if `out` exists and was not written by edge, unless `force`.
    """
    _refuse_foreign(out, force)
    out.parent.mkdir(parents=True, exist_ok=True)
    staged = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        staged.chmod(0o755)
        for name, content in files.items():
            path = staged / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        _replace(staged, out)
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def _refuse_foreign(out: Path, force: bool) -> None:
    if force or not out.exists() or (out / PLAN_FILE).exists():
        return
    if out.is_dir() and not any(out.iterdir()):
        return
    raise fail(
        "E0004",
        f"{out} exists and was not written by edge",
        help=["choose another --out, or --force"],
    )


def _replace(staged: Path, out: Path) -> None:
    """Rename the old folder aside, the new one into place, then drop the old one."""
    if not out.exists():
        os.rename(staged, out)
        return
    aside = Path(tempfile.mkdtemp(prefix=f".{out.name}-old-", dir=out.parent))
    os.rename(out, aside / out.name)
    os.rename(staged, out)
    shutil.rmtree(aside, ignore_errors=True)
