"""A model that learns on this machine as it does on a board: the exported C as a library."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from edge.errors import fail
from edge.ir.types import Array
from edge.target import load_target
from edge.toolchains import build, find_toolchain
from edge.training.autodiff import Step
from edge.training.continual.masks import Sample
from edge.training.emit import emit_step
from edge.training.planning import plan_step
from edge.training.reference.learner import Learner
from edge.workflow.project import write_project


class HostLearner:
    """The functions of the generated C, and its trainables as arrays that share its memory.

    The folder, which is written and built, may be removed afterwards.
    """

    def __init__(self, step: Step, folder: Path, toolchain: str | None = None) -> None:
        target = load_target("host")
        self.step, name = step, step.graph.name
        write_project(folder, emit_step(plan_step(step, target), "host"))
        program = build(folder, target, find_toolchain(toolchain, target))
        self._library = ctypes.CDLL(str(program.path.resolve()))
        self._train = getattr(self._library, f"{name}_train_step")
        self._run = getattr(self._library, f"{name}_run")
        output = getattr(self._library, f"{name}_output")
        output.restype = ctypes.c_void_p
        self.classes = step.graph.type(step.graph.outputs[0]).elements
        self.scores = _array(output(0), np.empty(self.classes, np.int8))
        self._learner = Learner(step)
        arrays = [_array(output(i), like) for i, like in enumerate(self._learner.arrays, 1)]
        names = [state.read for state in step.graph.states]
        self.states: Mapping[str, Array] = dict(zip(names, arrays, strict=False))
        self._reservoir = arrays[len(names) : len(names) + 3] if step.settings.replay else []
        getattr(self._library, f"{name}_reset")()

    def kept(self, count: int) -> list[Sample]:
        """Up to `count` samples of the reservoir."""
        if not self._reservoir:
            return []
        kept, labels, counts = self._reservoir
        filled = min(int(counts[0]), len(labels), count)
        return [(self._learner.values(kept[i].copy()), int(labels[i])) for i in range(filled)]

    def learn(self, sample: Array, label: int) -> int:
        """A step on int8 [1, ...], and steps on kept samples; the class that it answered before.

        Raises EdgeError E0018 for a class that does not exist; nothing is then changed.
        """
        if self._train(sample.ctypes.data_as(ctypes.c_void_p), label) != 0:
            raise fail("E0018", f"there is no class {label} among {self.classes}")
        return int(self.scores.argmax())

    def cool(self, halvings: int) -> None:
        """Steps to come have the planned learning rate times 2^-halvings."""
        getattr(self._library, f"{self.step.graph.name}_cool")(halvings)

    def replay(self) -> bool:
        """A step on a kept sample; False if there is none."""
        return bool(getattr(self._library, f"{self.step.graph.name}_replay_step")() == 0)

    @property
    def skipped(self) -> int:
        """Steps that ended before their backward pass since the start."""
        if not self.step.settings.easy:
            return 0
        return int(getattr(self._library, f"{self.step.graph.name}_skipped")())

    def predict(self, samples: Array) -> Array:
        """Scores int8 [N, classes] of int8 [N, ...]."""
        found = np.empty((len(samples), self.classes), np.int8)
        for sample, out in zip(samples, found, strict=True):
            self._run(sample.ctypes.data_as(ctypes.c_void_p), out.ctypes.data_as(ctypes.c_void_p))
        return found

    def write(self, states: Mapping[str, Array]) -> None:
        """Put arrays into the program's memory."""
        for name, values in states.items():
            self.states[name][...] = values


def _array(address: int, like: Array) -> Array:
    memory = np.ctypeslib.as_array((ctypes.c_uint8 * like.nbytes).from_address(address))
    return np.asarray(memory.view(like.dtype).reshape(like.shape))
