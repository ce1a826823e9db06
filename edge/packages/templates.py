"""Folders of templates: each file lies where its result will lie, `{name}` in paths replaced."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edge import resources
from edge.emit.project import Files
from edge.emit.templates import render

_ENDING = ".j2"


def rendered(folder: str, view: Mapping[str, Any]) -> Files:
    """Every template under codegen/packages/<folder>, path -> text."""
    root = resources.path(f"codegen/packages/{folder}")
    paths = (file.relative_to(root).as_posix() for file in sorted(root.rglob(f"*{_ENDING}")))
    return {
        path.removesuffix(_ENDING).format_map(view): render(f"packages/{folder}/{path}", view)
        for path in paths
    }
