"""Where a node comes from: "net.py:41 in Net.forward (layer block.0): x = self.act(x)"."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import Any

_FRAME = re.compile(
    r'File "(?P<file>[^"]+)", line (?P<line>\d+), in (?P<function>\S+)\s*\n?(?P<code>[^\n]*)'
)
_LIBRARY = re.compile(
    r"[/\\](torch[/\\](nn|_|fx|export|utils|ao|functional|overrides)|torchao[/\\])|^<"
)


def is_library(file: str) -> bool:
    """Whether a source file is torch's own, or code that torch generated."""
    return _LIBRARY.search(file) is not None


def location(node: Any) -> str:
    """The place of an fx node, by its name if the program does not say. Holds no folder."""
    modules = list((node.meta.get("nn_module_stack") or {}).values())
    layer = f"layer {modules[-1][0]}" if modules and modules[-1][0] else ""
    frame = _user_frame(node.meta.get("stack_trace") or "")
    if frame is None:
        return layer or f"node {node.name}"
    function = frame["function"]
    owner = _user_class(modules)
    scope = f"{owner}.{function}" if owner and function == "forward" else function
    place = f"{PurePath(frame['file']).name}:{frame['line']} in {scope}"
    return place + (f" ({layer})" if layer else "") + f": {frame['code'].strip()}"


def _user_frame(trace: str) -> re.Match[str] | None:
    frames = [f for f in _FRAME.finditer(trace) if not is_library(f["file"])]
    return frames[-1] if frames else None


def _user_class(modules: list[Any]) -> str:
    """The innermost module class that is not torch's own."""
    names = [m[1] if isinstance(m[1], str) else m[1].__qualname__ for m in modules]
    own = [
        n for n in names if not n.startswith(("torch.", "torchao.")) and "<locals>.Wrapper" not in n
    ]
    return own[-1].rpartition(".")[2] if own else ""
