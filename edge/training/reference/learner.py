"""Training with latent replay: some samples of the past are kept where the frozen part ends.

A kept sample is what training reads of it, so that training on it again skips the frozen layers.
Reservoir sampling (algorithm R: Vitter, ACM TOMS 11, 1985) keeps each sample of the stream with the
same chance; the generator is that of stochastic rounding, in streams of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from edge.ir.types import Array
from edge.training.autodiff import Step
from edge.training.planning import boundary_of
from edge.training.reference.trainer import Trainer
from edge.training.reference.updates import random_word

KEEP_STREAM, DRAW_STREAM = 0xF0000001, 0xF0000002


@dataclass
class Reservoir:
    """`kept` uint8 [capacity, bytes] and `labels` int16 [capacity]; what was never written is 0."""

    capacity: int
    size: int
    seed: int
    seen: int = 0
    drawn: int = 0
    kept: Array = field(init=False)
    labels: Array = field(init=False)

    def __post_init__(self) -> None:
        self.kept = np.zeros((self.capacity, self.size), np.uint8)
        self.labels = np.zeros(self.capacity, np.int16)

    def keep(self, sample: Array, label: int) -> None:
        """Offer the next sample of the stream: uint8 [bytes]."""
        count, self.seen = self.seen, self.seen + 1
        place = count
        if count >= self.capacity:
            place = random_word(self.seed, count, KEEP_STREAM) % (count + 1)
        if place < self.capacity:
            self.kept[place], self.labels[place] = sample, label

    def draw(self) -> tuple[Array, int] | None:
        """A kept sample and its label, each with the same chance; None if nothing is kept."""
        filled = min(self.seen, self.capacity)
        if not filled:
            return None
        count, self.drawn = self.drawn, self.drawn + 1
        place = random_word(self.seed, count, DRAW_STREAM) % filled
        return self.kept[place], int(self.labels[place])

    @property
    def arrays(self) -> list[Array]:
        """What the generated C holds: samples, labels, and the two counts."""
        return [self.kept, self.labels, np.array([self.seen, self.drawn], np.uint32)]


class Learner:
    """A trainer with a reservoir: what `train_step` of the generated C does."""

    def __init__(self, step: Step) -> None:
        self.trainer = Trainer(step)
        self.replays = step.settings.replays
        self._types = {name: step.graph.type(name) for name in boundary_of(step.graph)}
        size = sum(tensor.nbytes for tensor in self._types.values())
        self.reservoir = Reservoir(step.settings.replay, size, step.settings.seed)

    def learn(self, inputs: Sequence[Array], target: Array | int) -> Array:
        """A step on the sample, then steps on kept ones; returns the scores before all of them.

        Raises EdgeError E0018 for a class that does not exist; nothing is then changed.
        """
        if not self.reservoir.capacity:
            return self.trainer.step(inputs, target)
        frozen = self.trainer.boundary(inputs)
        scores = self.trainer.step(inputs, target, frozen)
        self.reservoir.keep(self._bytes(frozen), int(np.asarray(target)))
        for _ in range(self.replays):
            self.replay()
        return scores

    def replay(self) -> bool:
        """A step on a kept sample; False if there is none."""
        drawn = self.reservoir.draw()
        if drawn is None:
            return False
        sample, label = drawn
        self.trainer.step((), label, self.values(sample))
        return True

    @property
    def arrays(self) -> list[Array]:
        """Trainables in the order of the graph's states, the reservoir, and the steps left out."""
        states = self.trainer.states
        found = [states[state.read] for state in self.trainer.graph.states]
        found += self.reservoir.arrays if self.reservoir.capacity else []
        skipped = [np.array([self.trainer.skipped], np.uint32)] if self.trainer.may_skip else []
        return found + skipped

    def _bytes(self, values: Mapping[str, Array]) -> Array:
        parts = [np.ascontiguousarray(values[n]).view(np.uint8).reshape(-1) for n in self._types]
        return np.concatenate(parts)

    def values(self, sample: Array) -> dict[str, Array]:
        """What training reads of a kept sample, by name."""
        found, at = {}, 0
        for name, tensor in self._types.items():
            part = sample[at : at + tensor.nbytes]
            found[name] = part.view(tensor.dtype.numpy).reshape(tensor.shape)
            at += tensor.nbytes
        return found
