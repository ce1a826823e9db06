"""An export in memory is compiled to one WebAssembly module."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from edge.emit.project import Files, to_json
from edge.packages.subject import Subject
from edge.toolchains import build, find_toolchain
from edge.workflow.project import PLAN_FILE, write_project


def wasm_module(subject: Subject, more: Files) -> bytes:
    """The module of an export and `more` sources. Its imports are none.

    Raises EdgeError: E0401 without a compiler, E0402 if it fails.
    """
    plan = json.loads(subject.files[PLAN_FILE])
    plan["sources"] += list(more)
    files = {**subject.files, **more, PLAN_FILE: to_json(plan)}
    with tempfile.TemporaryDirectory(prefix="edge-npm-") as name:
        folder = Path(name) / "model"
        write_project(folder, files)
        program = build(folder, subject.target, find_toolchain(None, subject.target))
        return program.path.read_bytes()
