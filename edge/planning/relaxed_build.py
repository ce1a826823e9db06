"""Whether a model gains from a second WebAssembly module for engines with relaxed SIMD."""

from __future__ import annotations

from edge.ir import Graph
from edge.planning.choice import cheapest
from edge.target import load_target

RELAXED = "wasm32-relaxed"


def pays(graph: Graph) -> bool:
    """Whether the module for wasm32-relaxed would hold a kernel that its baseline's lacks.

    `graph` is one that can be planned: integer, or of a float precision. Where the answer is no,
    both modules are the same code.
    """
    target = load_target(RELAXED)
    common = load_target(target.baseline).kernels
    chosen = cheapest(graph, target.kernels).values()
    return any(kernel.name.split("/")[0] not in (*common, "alias") for kernel in chosen)
