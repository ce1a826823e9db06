"""The training step of an export, back from its plan.json and graph.ir."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from edge.ir import Graph
from edge.training.autodiff import Step
from edge.training.scheme import UpdateScheme
from edge.training.tape import Settings


def step_of_plan(plan: Mapping[str, Any], graph: Graph) -> Step:
    """The step that the code of an export computes; `plan` is what its plan.json holds."""
    scheme = UpdateScheme(frozenset(plan["scheme"]["biases"]), plan["scheme"]["weights"])
    known = (field.name for field in fields(Settings))
    return Step(graph, scheme, Settings(**{name: plan[name] for name in known if name in plan}))
