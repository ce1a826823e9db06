"""How the operands of add, sub and mul repeat to make up the shape of the output."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edge.ir.shapes import Shape


def repeats(operand: Shape, output: Shape) -> bool:
    """Whether output element i reads element i modulo the operand's size: a trailing part of it."""
    core = operand
    while core and core[0] == 1:
        core = core[1:]
    return core == output[len(output) - len(core) :]


@dataclass(frozen=True)
class Walk:
    """Axes of the output, outermost first, as few as possible, and the steps of each operand.

    A step is in elements of the operand; 0 where it repeats.
    """

    size: Shape
    steps: tuple[Shape, ...]


def walk(operands: Sequence[Shape], output: Shape) -> Walk:
    """The walk of operands that broadcast to `output`; neighbouring axes that all of them walk
    through, or repeat along, in the same way are one."""
    rank = len(output)
    aligned = [(1,) * (rank - len(shape)) + tuple(shape) for shape in operands]
    size: list[int] = []
    kinds: list[tuple[bool, ...]] = []
    for axis, n in enumerate(output):
        kind = tuple(shape[axis] == n for shape in aligned)
        if n == 1:
            continue
        if kinds and kinds[-1] == kind:
            size[-1] *= n
        else:
            size.append(n)
            kinds.append(kind)
    steps = [_steps(size, [kind[i] for kind in kinds]) for i in range(len(operands))]
    return Walk(tuple(size), tuple(steps))


def _steps(size: Sequence[int], walks: Sequence[bool]) -> Shape:
    steps: list[int] = []
    elements = 1
    for n, walked in zip(reversed(size), reversed(walks), strict=True):
        steps.insert(0, elements if walked else 0)
        elements *= n if walked else 1
    return tuple(steps)
