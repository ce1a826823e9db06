"""Tables of embedding kernels in layouts of their own: those of the classifier, which is stored
once if it is the same matrix."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from edge.emit.packing.dsp import quads
from edge.ir.types import Array

PACKERS: dict[str, Callable[[npt.NDArray[np.int8]], Array]] = {"dsp/embedding_s8_s16": quads}
