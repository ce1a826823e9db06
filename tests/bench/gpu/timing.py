"""Time and memory of one call."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch

LONG = 1000.0


def median_ms(call: Callable[[], Any]) -> float:
    """Median of triton.testing.do_bench, or of 3 calls that take a second; one call on a CPU."""
    if not torch.cuda.is_available():
        return _wall_ms(call)
    first = _wall_ms(call)
    if first > LONG:
        return statistics.median(_wall_ms(call) for _ in range(3))
    from triton.testing import do_bench

    return float(do_bench(call, return_mode="median"))


def _wall_ms(call: Callable[[], Any]) -> float:
    finish()
    begin = time.perf_counter()
    call()
    finish()
    return (time.perf_counter() - begin) * 1e3


def finish() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def peak_bytes(call: Callable[[], Any]) -> int | None:
    """The most that a call needs on the GPU, what is there before it included; None on a CPU."""
    if not torch.cuda.is_available():
        call()
        return None
    gc.collect()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    call()
    finish()
    return torch.cuda.max_memory_allocated()


def card() -> str:
    if not torch.cuda.is_available():
        return "CPU, Triton's interpreter"
    return f"{torch.cuda.get_device_name()}, torch {torch.__version__}"
