"""All policies by name: what a plan may name."""

from __future__ import annotations

from collections.abc import Callable

from edge.gpu.attention.policies.a_shape import AShape
from edge.gpu.attention.policies.full import Full
from edge.gpu.attention.policies.hip_tree import HiPTree
from edge.gpu.attention.policies.local_stride import LocalStride
from edge.gpu.attention.policies.mean_pool import MeanPool
from edge.gpu.attention.policies.moa_span import MoASpan
from edge.gpu.attention.policies.policy import Policy
from edge.gpu.attention.policies.seer_gate import SeerGate
from edge.gpu.attention.policies.vertical_slash import VerticalSlash

POLICIES: dict[str, Callable[..., Policy]] = {
    "a_shape": AShape,
    "local_stride": LocalStride,
    "vertical_slash": VerticalSlash,
    "mean_pool": MeanPool,
    "hip_tree": HiPTree,
    "full": Full,
    "moa_span": MoASpan,
    "seer_gate": SeerGate,
}
