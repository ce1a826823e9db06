"""Exports with packages for microcontrollers, each of another form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

import edge
from edge.workflow.train import export_training, train_plan
from tests.models import wake_word
from tests.models.int8_nets import residual_net
from tests.packages.npm.exports import floats
from tests.training.networks import bottleneck

Export = Callable[[Path], Any]


def _exported(model: Callable[[], Any], target: str, kind: str, **settings: Any) -> Export:
    return lambda out: edge.export(model(), target, out, package=[kind], **settings)


def _training(out: Path) -> None:
    plan = train_plan(bottleneck(), "cortex-m4", scheme="last-1", learning_rate=0.05)
    export_training(bottleneck(), "cortex-m4", out, train=plan, name="learner", package=["all-mcu"])


def _streaming(out: Path) -> None:
    module, example = wake_word.make()
    rows = np.random.default_rng(0).standard_normal((24, *example[0].shape[1:]))
    edge.export((module, example), "cortex-m0plus", out, list(rows[:, None].astype(np.float32)),
                name="wake", package=["cmake"], progress=False)  # fmt: skip


EXPORTS: Mapping[str, tuple[str, Export]] = {
    "arm": ("all-mcu", _exported(residual_net, "cortex-m7", "all-mcu")),
    "portable": ("all-mcu", _exported(residual_net, "host", "all-mcu")),
    "sparse_rows": (
        "cmake",
        _exported(residual_net, "cortex-m55", "cmake", prune="1x4:0.5", input="rows"),
    ),
    "memory": ("cmake", _streaming),
    "linux": ("cmake", _exported(residual_net, "aarch64", "cmake")),
    "floats": ("all-mcu", _exported(floats, "cortex-m4", "all-mcu", name="two", precision="fp32")),
    "training": ("all-mcu", _training),
}
"""Kind of package, and what writes the export."""
