"""Costs of the kernels in runtime/kernels/ref: the portable loops.

Coefficients: tests/bench/fit_costs.py on Cortex-M7. They rank these kernels against each other and
against those of other folders, on other targets too.
"""

from __future__ import annotations

from edge.ir import macs
from edge.planning.costs import (
    calls,
    inputs,
    once,
    outputs,
    pixels,
    positions,
    repeats_of_operand,
    rounded_twice,
    taps,
    total,
)

CONVOLUTION = total((5.88, macs), (31.2, taps), (127, outputs))
LINEAR = total((5, macs), (50.7, outputs), (2.02, rounded_twice), (16.5, pixels), (35.8, once))
DEPTHWISE = total((11.5, macs), (49.6, outputs), (2.03, rounded_twice), (2460, calls))
AVERAGE = total((6.98, positions), (78.3, outputs), (11.1, pixels), (97.8, calls))
MAXIMUM = total((11.4, positions), (102, outputs), (59.7, calls))
MEAN = total((5, inputs), (50, outputs), (2, rounded_twice), (35, once))
ADD = total((51, outputs), (60, rounded_twice), (67.2, once))
MUL = total((61, outputs), (1.98, rounded_twice), (61.2, once))
# 44 and 51 instructions an output were counted, less than of the flat kernels; but only those may
# write over what they read, so they win where both accept.
ADD_BROADCAST = total((51, outputs), (61, rounded_twice), (197, once))
MUL_BROADCAST = total((61, outputs), (1.98, rounded_twice), (130, repeats_of_operand), (162, once))
LOOKUP = total((8, outputs), (40, once))
SOFTMAX = total((37.8, outputs), (184, once))
