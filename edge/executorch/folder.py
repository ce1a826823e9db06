"""The folder beside a .pte: a C project for each delegated part, and the backend for them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edge import resources
from edge.emit.templates import render
from edge.ir import Graph
from edge.workflow.export import export

_SOURCES = (".c", ".h", ".S")


@dataclass(frozen=True, eq=False)
class Written:
    """A part's project: its graph, bytes of arena and SHA-256 over its sources."""

    graph: Graph
    arena: int
    digest: bytes


def write_model(folder: Path, graph: Graph, target: str) -> Written:
    """Export an int8 graph, with a header that holds the digest of what was written."""
    done = export(graph, target, folder, name=graph.name, progress=False)
    digest = _digest(folder)
    view = {"name": graph.name, "digest": list(digest)}
    (folder / f"{graph.name}_delegate.h").write_text(render("executorch/delegate.h.j2", view))
    return Written(done.graph, done.plan.arena, digest)


def _digest(folder: Path) -> bytes:
    """SHA-256 of the names and contents of the sources, less those of tests."""
    summed = hashlib.sha256()
    paths = (path.relative_to(folder) for path in sorted(folder.rglob("*")))
    for path in paths:
        if path.suffix in _SOURCES and path.parts[0] != "test":
            content = (folder / path).read_bytes()
            summed.update(f"{path.as_posix()} {len(content)}\n".encode() + content)
    return summed.digest()


def write_backend(folder: Path, models: Sequence[str]) -> None:
    """The backend's source, the table of models that it links, and how to build both."""
    source = resources.path("runtime/executorch/edge_backend.cpp").read_text()
    (folder / "edge_backend.cpp").write_text(source)
    for name in ("edge_models.h", "CMakeLists.txt"):
        text = render(f"executorch/{name}.j2", {"models": models})
        (folder / name).write_text(text)
