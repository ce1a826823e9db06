"""Exports with an Android package: int8, float with several inputs and outputs, training."""

from __future__ import annotations

from pathlib import Path

import edge
from edge.workflow.train import export_training, train_plan
from tests.models.int8_nets import residual_net
from tests.packages.npm.exports import floats
from tests.training.networks import bottleneck

TARGET = "android-arm64"
KINDS = ("int8", "floats", "training")


def write(kind: str, out: Path) -> Path:
    """Export a model and give the folder of its Android package."""
    if kind == "int8":
        edge.export(residual_net(), TARGET, out, package=["android"])
    elif kind == "floats":
        edge.export(floats(), TARGET, out, name="two", precision="fp32", package=["android"])
    else:
        plan = train_plan(bottleneck(), TARGET, scheme="last-1", learning_rate=0.05)
        export_training(bottleneck(), TARGET, out, train=plan, name="learner", package=["android"])
    return out / "android"
