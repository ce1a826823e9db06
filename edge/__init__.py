"""Edge: a trained model becomes small plain C that computes the same bits on every target.

    graph = edge.load("vww_96_int8.tflite").graph
    edge.export("vww_96_int8.tflite", "cortex-m7", "out/vww")
    edge.verify("out/vww").mismatches
    edge.bench("out/vww").instructions

Functions are imported when they are first used, so that `import edge` stays light.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edge.bench import bench as bench
    from edge.export import check as check
    from edge.export import export as export
    from edge.frontends import load as load
    from edge.quantize import quantize as quantize
    from edge.run import run as run
    from edge.verify import verify as verify

__version__ = "0.1.0"

_HOME = {
    "load": "edge.frontends",
    "quantize": "edge.quantize",
    "check": "edge.export",
    "export": "edge.export",
    "verify": "edge.verify",
    "bench": "edge.bench",
    "run": "edge.run",
}

__all__ = ["__version__", "bench", "check", "export", "load", "quantize", "run", "verify"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'edge' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)
