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
    bytes (reshape), "input" for the caller, who gives the rows of the input called `node`. `rows`
    is the number of calls: H for row kernels, 1 for kernels that see whole tensors, H of the input
    for those that gather its rows. `scratch` is the kernel's working memory in bytes, `sums` what
    it keeps from its first call of an inference to its last.
    """

    node: str
    kernel: str
    rows: int
    scratch: int = 0
    sums: int = 0


@dataclass(frozen=True)
class Stage:
    """Operators executed in lock step, row by row; from the last row to the first if `descending`.

    `rings` gives, for each tensor that lives only inside the stage, the number of rows kept; two
    of them share memory where a reader writes over what it has read.
    """

    steps: tuple[Step, ...]
    descending: bool = False
    rings: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """Where every byte of RAM is and in which order the work is done. All sizes are bytes.

    `offsets` places whole tensors and rings (by value name; an alias has its own entry with the
    same offset), `scratch_offsets` the scratch of each stage that needs any (by stage index), all
    `sums` what a node adds up over its calls (by node), all
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
    sums: Mapping[str, int] = field(default_factory=dict)

    @property
    def input_rows(self) -> int:
        """Rows of the input that the caller gives one by one; 0 if the input is in the arena."""
        first = self.stages[0].steps[0] if self.stages else None
        return first.rows if first and first.kernel == "input" else 0
