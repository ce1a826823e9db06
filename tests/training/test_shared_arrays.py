"""Constants of a step that hold the same numbers lie in flash once."""

from __future__ import annotations

import numpy as np

from edge.emit.shared_arrays import shared_arrays
from edge.target import load_target
from edge.training import scheme
from edge.training.autodiff import differentiate
from edge.training.emit import StepEmission
from edge.training.planning import plan_step
from tests.training.networks import bottleneck


def test_the_beginning_of_a_longer_array_is_shared() -> None:
    constants = {
        "short": np.zeros(3, np.int8),
        "long": np.zeros(5, np.int8),
        "other": np.array([0, 1], np.int8),
        "same": np.zeros(5, np.int8),
    }
    assert shared_arrays(constants) == {
        "short": "long", "long": "long", "other": "other", "same": "long",
    }  # fmt: skip


def test_types_are_not_mixed() -> None:
    constants = {"bytes": np.zeros(8, np.int8), "words": np.zeros(2, np.int32)}
    assert shared_arrays(constants) == {"bytes": "bytes", "words": "words"}


def test_every_array_that_a_step_names_is_defined_once() -> None:
    graph = bottleneck()
    plan = plan_step(differentiate(graph, scheme.full(graph)), load_target("host"))
    emission = StepEmission(plan, "host")
    names = [array.name for array in emission.arrays]
    assert len(names) == len(set(names))
    used = {emission.symbols[n] for n in emission.constants if n in _read(plan)}
    assert used <= set(names)


def _read(plan: object) -> set[str]:
    from edge.training.ops import TRAINING_OPS
    from edge.training.planning import StepPlan

    assert isinstance(plan, StepPlan)
    tails = (plan.training, plan.inference)
    return {i for t in tails for n in t.graph.nodes if n.op in TRAINING_OPS for i in n.inputs}
