"""Triton, in its interpreter where there is no GPU. Import `triton` and `tl` from here.

The interpreter proves indexing and arithmetic, not speed.
"""

from __future__ import annotations

import os
import sys

import torch

from edge.errors import fail

if not torch.cuda.is_available():
    if "triton" in sys.modules and os.environ.get("TRITON_INTERPRET") != "1":
        raise fail("E0071", "triton was imported before its interpreter could be chosen",
                   help=["start Python with TRITON_INTERPRET=1 where there is no GPU"])  # fmt: skip
    os.environ["TRITON_INTERPRET"] = "1"

import triton
import triton.language as tl

__all__ = ["tl", "triton"]
