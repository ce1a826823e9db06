"""Dynamic data removal: samples of a task that are always right are not trained on again.

SparCL (Wang et al., NeurIPS 2022, section 3.4): after some epochs the samples that were classified
wrongly least often leave the task's training set; what is left has the harder ones.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


class Removal:
    """Counts of wrong answers by sample of one task."""

    def __init__(self, samples: int) -> None:
        self.wrong: npt.NDArray[np.int64] = np.zeros(samples, np.int64)
        self.left: npt.NDArray[np.int64] = np.arange(samples)

    def saw(self, sample: int, is_right: bool) -> None:
        """The answer of a step, before its update."""
        self.wrong[sample] += not is_right

    def remove(self, share: float) -> None:
        """Drop a share of what is left: those that were wrong least often, of equals the first."""
        count = int(share * len(self.left))
        order = np.argsort(self.wrong[self.left], kind="stable")
        self.left = np.sort(self.left[order[count:]])
