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
    from edge.frontends import load as load
    from edge.workflow.bench import bench as bench
    from edge.workflow.export import check as check
    from edge.workflow.export import export as export
    from edge.workflow.prune import prune as prune
    from edge.workflow.quantize import quantize as quantize
    from edge.workflow.run import run as run
    from edge.workflow.verify import verify as verify

__version__ = "0.1.0"

_HOME = {
    "load": "edge.frontends",
    "prune": "edge.workflow.prune",
    "quantize": "edge.workflow.quantize",
    "check": "edge.workflow.export",
    "export": "edge.workflow.export",
    "verify": "edge.workflow.verify",
    "bench": "edge.workflow.bench",
    "run": "edge.workflow.run",
}

__all__ = ["__version__", "bench", "check", "export", "load", "prune", "quantize", "run", "verify"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'edge' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)
