"""Which tensors to update: the best scheme of a table of gains within a budget of bytes and work.

Gains come from fine-tuning single tensors or from Fisher scores (`scores`). For each number of
trained biases a multiple-choice knapsack picks one share of the input channels for every weight,
exactly, under the additive memory model. The peak of the real plan is not a sum: where the scheme
does not fit, the additive budget shrinks by what is too much, and the search runs again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from edge.errors import fail

RATIOS = (Fraction(0), Fraction(1, 8), Fraction(1, 4), Fraction(1, 2), Fraction(1))
_ROUNDS = 5


@dataclass(frozen=True)
class Choice:
    """One way to train a part of a network: what it gains, and its bytes and backward work."""

    gain: float
    bytes: int
    work: int = 0


@dataclass(frozen=True)
class Table:
    """All choices. `biases[k]` trains the last k biases, `weights[layer][r]` the share RATIOS[r].

    Layers are numbered from 0 in execution order. A weight can be trained only where its bias can,
    which is where the backward pass goes: `biases[k]` allows layers from len(biases) - 1 - k on.
    """

    biases: Sequence[Choice]
    weights: Mapping[int, Sequence[Choice]]

    @property
    def layers(self) -> int:
        return len(self.biases) - 1

    def reachable(self, bias_layers: int) -> list[int]:
        """The layers whose weights may be trained with the last `bias_layers` biases."""
        return sorted(i for i in self.weights if i >= self.layers - bias_layers)


@dataclass(frozen=True)
class Budget:
    """The most bytes beyond inference, and the most backward multiply-accumulates (None: any)."""

    bytes: int
    work: int | None = None

    def allows(self, bytes_: int, work: int) -> bool:
        return bytes_ <= self.bytes and (self.work is None or work <= self.work)


@dataclass(frozen=True)
class Selection:
    """A scheme as numbers: how many biases, which entry of RATIOS for which weight."""

    bias_layers: int
    ratios: tuple[tuple[int, int], ...]
    gain: float
    bytes: int
    work: int

    @property
    def shares(self) -> list[tuple[int, Fraction]]:
        """(layer, share of its input channels) of the weights that are trained."""
        return [(layer, RATIOS[index]) for layer, index in self.ratios if index]


def evaluate(table: Table, bias_layers: int, ratios: Mapping[int, int]) -> Selection:
    """The sums of a choice."""
    chosen = [table.biases[bias_layers]]
    chosen += [table.weights[layer][index] for layer, index in ratios.items()]
    return Selection(
        bias_layers,
        tuple(sorted(ratios.items())),
        sum(choice.gain for choice in chosen),
        sum(choice.bytes for choice in chosen),
        sum(choice.work for choice in chosen),
    )


def select(table: Table, budget: Budget) -> Selection:
    """The selection with the largest gain within the budget; exact for the sums of the table.

    Raises EdgeError E0304 naming the smallest budget if nothing fits.
    """
    found = [
        best
        for bias_layers in range(len(table.biases))
        if (best := _best_for(table, bias_layers, budget)) is not None
    ]
    if not found:
        least = min(choice.bytes for choice in table.biases)
        raise fail(
            "E0304", f"no update fits {budget.bytes} bytes", help=[f"at least {least} bytes"]
        )
    return max(found, key=lambda s: (s.gain, -s.bytes, -s.work))


_State = tuple[int, int, float, tuple[int, ...]]  # bytes, work, gain, chosen index of each layer


def _best_for(table: Table, bias_layers: int, budget: Budget) -> Selection | None:
    """The knapsack over weights for a given number of biases."""
    start = table.biases[bias_layers]
    if not budget.allows(start.bytes, start.work):
        return None
    layers = table.reachable(bias_layers)
    states: list[_State] = [(start.bytes, start.work, start.gain, ())]
    for layer in layers:
        grown = [
            (b + c.bytes, w + c.work, g + c.gain, (*picked, index))
            for b, w, g, picked in states
            for index, c in enumerate(table.weights[layer])
            if budget.allows(b + c.bytes, w + c.work)
        ]
        states = _undominated(grown, budget.work is None)
    best = max(states, key=lambda state: (state[2], -state[0]))
    return evaluate(table, bias_layers, dict(zip(layers, best[3], strict=True)))


def _undominated(states: list[_State], ignore_work: bool) -> list[_State]:
    """The states for which no other gains as much with no more bytes and no more work."""
    states.sort(key=lambda s: (s[0], s[1], -s[2]))
    kept: list[_State] = []
    stairs: list[tuple[int, float]] = []  # (work, gain) of the undominated so far
    for state in states:
        work = 0 if ignore_work else state[1]
        if any(w <= work and g >= state[2] for w, g in stairs):
            continue
        stairs = [(w, g) for w, g in stairs if w < work or g > state[2]]
        stairs.append((work, state[2]))
        kept.append(state)
    return kept


Measure = Callable[[Selection], int]
"""Bytes of RAM that a selection really takes, from a plan."""


@dataclass(frozen=True)
class Fitted:
    """A selection with the RAM of its plan, and how many plans were made to find it."""

    selection: Selection
    ram: int
    rounds: int


def fit(table: Table, budget: Budget, ram: int, measure: Measure) -> Fitted:
    """The best selection found whose plan needs at most `ram` bytes.

    `budget` is the additive one to start from. Where a plan is too large the budget shrinks by the
    excess, but at most by half; where one fits below a budget that did not, it grows again half
    way. Raises EdgeError E0304 with the smallest RAM that was planned if none fits.
    """
    smallest = min(choice.bytes for choice in table.biases)
    additive, too_large, best = budget.bytes, budget.bytes + 1, None
    planned: list[int] = []
    for round_ in range(1, _ROUNDS + 1):
        chosen = select(table, Budget(additive, budget.work))
        needed = measure(chosen)
        planned.append(needed)
        if needed <= ram:
            if best is None or chosen.gain >= best.selection.gain:
                best = Fitted(chosen, needed, round_)
            additive = (chosen.bytes + too_large) // 2
        else:
            too_large = chosen.bytes
            shrunk = max(chosen.bytes - (needed - ram), (chosen.bytes + smallest) // 2)
            additive = shrunk if best is None else (best.selection.bytes + too_large) // 2
        if additive >= too_large - 1 and best is not None:
            break
    if best is None:
        best = _smallest(table, ram, measure, planned)
    return best


def _smallest(table: Table, ram: int, measure: Measure, planned: Sequence[int]) -> Fitted:
    """The smallest selection of all, if that fits."""
    chosen = select(table, Budget(min(choice.bytes for choice in table.biases)))
    needed = measure(chosen)
    if needed > ram:
        least = min(*planned, needed)
        raise fail("E0304", f"no update fits {ram} bytes of RAM", help=[f"at least {least} bytes"])
    return Fitted(chosen, needed, len(planned) + 1)
