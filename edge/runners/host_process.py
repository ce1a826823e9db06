"""Runs a model's shared library in a process of its own, so that a crash ends only that process.

    host_process.py LIBRARY NAME ARENA_BYTES INPUT_BYTES,... OUTPUT_BYTES,... REPEATS

Reads input.bin and writes output.bin as the boards' main program does, and prints the same line.
A model with states is reset before the samples, and before each of the other runs below.
Then the first sample runs REPEATS times; a second line gives the shortest time in nanoseconds of
each part between two marks: up to the first stage, then each stage of a profile program. Imports
nothing of edge: it starts once for every run.
"""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path

from cffi import FFI

_PATTERNS = (0xA5, 0x5A)


class _Model:
    """The functions and the arena of a loaded library."""

    def __init__(self, library: str, name: str, arena: int, inputs: list[int]) -> None:
        self.ffi = FFI()
        self.ffi.cdef(
            f"void *{name}_input(int32_t); const void *{name}_output(int32_t);"
            f"void {name}_invoke(void); void {name}_reset(void); extern uint8_t {name}_arena[];"
            "void edge_mark(void); extern int64_t edge_marks[]; extern int32_t edge_mark_count;"
        )
        self.library = self.ffi.dlopen(library)
        self.invoke = getattr(self.library, f"{name}_invoke")
        self.input = getattr(self.library, f"{name}_input")
        self.output = getattr(self.library, f"{name}_output")
        self.arena = self.ffi.buffer(getattr(self.library, f"{name}_arena"), arena)
        self.inputs = inputs
        self.reset = getattr(self.library, f"{name}_reset", lambda: None)

    def load(self, sample: bytes) -> None:
        start = 0
        for index, size in enumerate(self.inputs):
            self.ffi.memmove(self.input(index), sample[start : start + size], size)
            start += size

    def run(self, sample: bytes) -> None:
        self.load(sample)
        self.library.edge_mark_count = 0
        self.invoke()

    def outputs(self, sizes: list[int]) -> bytes:
        buffers = (self.ffi.buffer(self.output(i), size) for i, size in enumerate(sizes))
        return b"".join(bytes(buffer) for buffer in buffers)

    def touched(self, sample: bytes, pattern: int) -> int:
        """One past the highest byte of the arena that no longer holds the pattern after a run."""
        self.arena[:] = bytes([pattern]) * len(self.arena)
        self.reset()
        self.run(sample)
        return len(bytes(self.arena).rstrip(bytes([pattern])))

    def times(self, sample: bytes) -> list[int]:
        """Nanoseconds from the call to the first stage, of each stage to the end."""
        self.reset()
        self.load(sample)
        self.library.edge_mark_count = 0
        self.library.edge_mark()
        self.invoke()
        self.library.edge_mark()
        marks = self.library.edge_marks[0 : self.library.edge_mark_count]
        return [after - before for before, after in pairwise(marks)]


def _main(library: str, name: str, *numbers: str) -> None:
    (arena,), inputs, outputs, (repeats,) = (list(map(int, n.split(","))) for n in numbers)
    model = _Model(library, name, arena, inputs)
    samples, size, results = Path("input.bin").read_bytes(), sum(inputs), []
    watermark = max(model.touched(samples[:size], pattern) for pattern in _PATTERNS)
    model.reset()
    for start in range(0, len(samples), size):
        model.run(samples[start : start + size])
        results.append(model.outputs(outputs))
    Path("output.bin").write_bytes(b"".join(results))
    print(f"edge-run samples={len(results)} arena={watermark}")
    shortest = map(min, zip(*(model.times(samples[:size]) for _ in range(repeats)), strict=True))
    print("edge-ns", *shortest)


if __name__ == "__main__":
    _main(*sys.argv[1:])
