"""The plan: plain data between the planner and everything after it, written as plan.json.

A stage is a run of operators executed row by row; a plain layer is a stage of one operator.
A tensor that lives only inside a stage is a ring of rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Step:
    """One operator of a stage: the kernel that runs it and how many row calls it takes.

    `kernel` is "<folder>/<name>" under runtime/kernels, "alias" for an operator that only renames
    bytes (reshape). `rows` is the number of calls: H for row kernels, 1 for kernels that see whole
    tensors. `scratch` is the kernel's working memory in bytes.
    """

    node: str
    kernel: str
    rows: int
    scratch: int = 0


@dataclass(frozen=True)
class Stage:
    """Operators executed in lock step, row by row; from the last row to the first if `descending`.

    `rings` gives, for each tensor that lives only inside the stage, the number of rows kept.
    """

    steps: tuple[Step, ...]
    descending: bool = False
    rings: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """Where every byte of RAM is and in which order the work is done. All sizes are bytes.

    `offsets` places whole tensors and rings (by value name; an alias has its own entry with the
    same offset), `scratch_offsets` the scratch of each stage that needs any (by stage index), all
    relative to the start of the arena. `bound` is the largest number of bytes that must be live at
    once, a lower bound of `arena` for these stages.
    """

    model: str
    target: str
    stages: tuple[Stage, ...]
    offsets: Mapping[str, int]
    scratch_offsets: Mapping[int, int]
    arena: int
    bound: int
