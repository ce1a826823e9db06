"""An export in memory is compiled to one shared library for Android."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from edge import resources
from edge.emit.project import Files, to_json
from edge.packages.subject import Subject
from edge.target import Target
from edge.toolchains import build, find_toolchain
from edge.workflow.project import PLAN_FILE, write_project

_STRIPPED = ("-g0", "-Wl,--strip-all")


def shared_library(subject: Subject, more: Files, exports: Sequence[str]) -> bytes:
    """The library of an export and `more` sources, which may include <jni.h>. It needs no other
    library and shows the model's functions and `exports`.

    Raises EdgeError: E0401 without a compiler, E0402 if it fails.
    """
    plan = json.loads(subject.files[PLAN_FILE])
    plan["sources"] += [path for path in more if path.endswith(".c")]
    plan["exports"] = list(exports)
    files = {**subject.files, **more, **_interface(), PLAN_FILE: to_json(plan)}
    target = _stripped(subject.target)
    with tempfile.TemporaryDirectory(prefix="edge-android-") as name:
        folder = Path(name) / "model"
        write_project(folder, files)
        return build(folder, target, find_toolchain(None, target)).path.read_bytes()


def _interface() -> Files:
    return {"jni.h": resources.path("targets/android-jni/jni.h").read_text(encoding="utf-8")}


def _stripped(target: Target) -> Target:
    """Without debug information, which holds the folder of the build."""
    flags = {name: (*flags, *_STRIPPED) for name, flags in target.flags.items()}
    return replace(target, flags=flags)
