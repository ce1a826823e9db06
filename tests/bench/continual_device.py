"""A model that learns on this machine as it does on a board: the exported C in a library."""

from __future__ import annotations

import ctypes
from pathlib import Path

import numpy as np

from edge.ir.types import Array
from edge.target import load_target
from edge.toolchains import build, find_toolchain
from edge.training.autodiff import Step
from edge.training.continual.masks import Sample
from edge.training.emit import emit_step
from edge.training.planning import plan_step
from edge.training.reference.learner import Learner
from edge.workflow.project import write_project


class HostDevice:
    """The functions of the generated C, and its trainables as arrays that share its memory.

    The step keeps samples for replay.
    """

    def __init__(self, step: Step, folder: Path) -> None:
        target = load_target("host")
        self.step, name = step, step.graph.name
        write_project(folder, emit_step(plan_step(step, target), "host"))
        program = build(folder, target, find_toolchain(None, target))
        self._library = ctypes.CDLL(str(program.path.resolve()))
        self._train = getattr(self._library, f"{name}_train_step")
        self._run = getattr(self._library, f"{name}_run")
        self._reset = getattr(self._library, f"{name}_reset")
        output = getattr(self._library, f"{name}_output")
        output.restype = ctypes.c_void_p
        self.classes = step.graph.type(step.graph.outputs[0]).elements
        self.scores = _array(output(0), np.empty(self.classes, np.int8))
        self.states = {
            state.read: _array(output(index), state.initial)
            for index, state in enumerate(step.graph.states, 1)
        }
        self._learner = Learner(step)
        first = len(self.states)
        self._kept, self._labels, self._counts = (
            _array(output(first + 1 + index), like)
            for index, like in enumerate(self._learner.arrays[first:])
        )
        self._reset()

    def kept(self, count: int) -> list[Sample]:
        """Up to `count` samples of the reservoir."""
        filled = min(int(self._counts[0]), len(self._labels), count)
        return [
            (self._learner.values(self._kept[i].copy()), int(self._labels[i]))
            for i in range(filled)
        ]

    def learn(self, sample: Array, label: int) -> int:
        """A step on int8 [1, ...], and steps on kept samples; the class that it answered before."""
        if self._train(sample.ctypes.data_as(ctypes.c_void_p), label) != 0:
            raise ValueError(f"there is no class {label}")
        return int(self.scores.argmax())

    def predict(self, samples: Array) -> Array:
        """Scores int8 [N, classes] of int8 [N, ...]."""
        found = np.empty((len(samples), self.classes), np.int8)
        for sample, out in zip(samples, found, strict=True):
            self._run(sample.ctypes.data_as(ctypes.c_void_p), out.ctypes.data_as(ctypes.c_void_p))
        return found

    def write(self, states: dict[str, Array]) -> None:
        """Put arrays into the device's memory."""
        for name, values in states.items():
            self.states[name][...] = values


def _array(address: int, like: Array) -> Array:
    size = like.nbytes
    memory = (ctypes.c_uint8 * size).from_address(address)
    return np.frombuffer(memory, np.uint8).view(like.dtype).reshape(like.shape)
