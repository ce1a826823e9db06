"""The example of a package: stored inputs, the outputs that numpy computes, what it prints."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np

from edge.emit.c_text import ConstArray
from edge.ir import parse
from edge.ir.types import Array
from edge.packages.subject import Subject

TRAINING_STEPS = 5
"""Steps that the example of an export that trains takes on its first input, towards class 0."""


class Example:
    """What the example of a package runs, and what it then prints."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject

    @property
    def count(self) -> int:
        """How many inputs are stored."""
        return len(self._subject.vectors[0][0])

    @cached_property
    def arrays(self) -> list[ConstArray]:
        """The bytes of all tensors of each port, and of the scores after training."""
        inputs, outputs = self._subject.vectors
        named = {f"vector_input_{index}": array for index, array in enumerate(inputs)}
        named |= {f"vector_output_{index}": array for index, array in enumerate(outputs)}
        if self._subject.trains:
            named["vector_trained"] = self._trained_scores()
        return [ConstArray(name, _bytes(array)) for name, array in named.items()]

    @cached_property
    def lines(self) -> list[str]:
        """What the example prints where every byte is as expected."""
        name, scores = self._subject.name, self._subject.vectors[1][0].reshape(self.count, -1)
        lines = [
            f"{name}: input {index} gives the largest output at {int(row.argmax())}"
            for index, row in enumerate(scores)
        ]
        lines.append(f"{name}: {self.count} inputs, 0 mismatches")
        if self._subject.trains:
            lines.append(f"{name}: {TRAINING_STEPS} training steps, 0 mismatches")
        return lines

    def _trained_scores(self) -> Array:
        from edge.training.exported_step import step_of_plan
        from edge.training.reference import Trainer

        step = step_of_plan(self._subject.plan, parse(str(self._subject.files["graph.ir"])))
        inputs, outputs = self._subject.vectors
        towards: Any = 0 if step.settings.loss == "cross_entropy" else outputs[0][1:2]
        trainer, sample = Trainer(step), [inputs[0][:1]]
        for _ in range(TRAINING_STEPS):
            trainer.step(sample, towards)
        return np.asarray(trainer.step(sample, towards))  # the scores before that step

    def view(self) -> Mapping[str, Any]:
        """What the templates of the example show."""
        return {
            "vectors": self.count,
            "arrays": self.arrays,
            "expected": self.lines,
            "steps": TRAINING_STEPS,
        }


def _bytes(array: Array) -> Array:
    return np.ascontiguousarray(array).view(np.int8).reshape(-1)
