"""The portable kernels built for this machine and called through cffi.

Declarations come from the headers themselves. Buffers stand between guard bytes, or, when the
address sanitizer is loaded (see test_address_sanitizer), alone in their allocation.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cffi
import numpy as np

from edge import resources
from edge.emit.c_text import Field, Symbol
from edge.emit.descriptors import Descriptor
from edge.ir.types import Array

UNDEFINED = ("-fsanitize=undefined,float-cast-overflow,float-divide-by-zero",)
WARNINGS = ("-Wall", "-Wextra", "-Wconversion", "-Wpedantic", "-Wshadow", "-Werror")
GUARD = 64
_GUARD_BYTE = 0xA5


def zig_cc() -> list[str]:
    return [sys.executable, "-m", "ziglang", "cc"]


def host_compiler() -> list[str]:
    """gcc, whose sanitizers can be loaded into Python, or the clang inside ziglang."""
    return ["gcc"] if shutil.which("gcc") else zig_cc()


def address_sanitizer_is_loaded() -> bool:
    return "libasan" in os.environ.get("LD_PRELOAD", "")


def ref_sources() -> list[Path]:
    return sources_in("ref")


def sources_in(folder: str) -> list[Path]:
    """The C files of a folder under runtime/kernels."""
    return sorted(resources.path(f"runtime/kernels/{folder}").glob("*.c"))


def build(folder: Path, kernels: str = "ref", only: Sequence[str] = ()) -> Path:
    """Compile every kernel of a folder under runtime/kernels, or those named, into one library.

    Undefined behaviour ends the process.
    """
    target = folder / f"edge_{kernels}.so"
    flags = ["-std=c99", "-O1", "-g", "-fPIC", "-shared", "-ffp-contract=off", "-DEDGE_DEBUG"]
    flags += [*UNDEFINED, *_sanitizer_reports()]
    include = f"-I{resources.path('runtime/include')}"
    sources = [path for path in sources_in(kernels) if not only or path.stem in only]
    command = [*host_compiler(), *flags, include, *map(str, sources), "-o", str(target)]
    # The sanitizer is for the library; under it the compiler is ten times slower.
    environment = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    subprocess.run(command, check=True, env=environment)
    return target


def _sanitizer_reports() -> list[str]:
    """A trap makes Python print which test ran; the loaded sanitizer says what happened in C."""
    if address_sanitizer_is_loaded():
        return ["-fsanitize=address", "-fno-sanitize-recover=all"]
    by_gcc = host_compiler() == ["gcc"]
    return ["-fsanitize-undefined-trap-on-error" if by_gcc else "-fsanitize-trap=all"]


def declarations() -> str:
    """What cffi can parse of the headers: no directives, comments or function bodies."""
    folder = resources.path("runtime/include/edge")
    text = "".join((folder / name).read_text() for name in ("edge.h", "f32.h", "kernels.h"))
    for name, value in re.findall(r"^#define (\w+) (\d+)$", text, re.MULTILINE):
        text = re.sub(rf"\b{name}\b", value, text)
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    text = re.sub(r"^#(.*\\\n)*.*$", "", text, flags=re.MULTILINE)
    return re.sub(r"^static inline.*?^}$", "", text, flags=re.DOTALL | re.MULTILINE)


class GuardedBytes:
    """`size` bytes of working memory whose surroundings must not change."""

    def __init__(self, size: int) -> None:
        self.guard = 0 if address_sanitizer_is_loaded() else GUARD
        self.whole = np.full(size + 2 * self.guard, _GUARD_BYTE, np.uint8)
        self.inside = self.whole[self.guard : self.guard + size]

    @classmethod
    def holding(cls, data: Array) -> GuardedBytes:
        made = cls(data.nbytes)
        made.inside[:] = np.frombuffer(np.ascontiguousarray(data).tobytes(), np.uint8)
        return made

    def part(self, start: int, size: int) -> GuardedBytes:
        """A view of some of these bytes, without guards of its own."""
        view = GuardedBytes(0)
        view.inside = self.inside[start : start + size]
        return view

    def check(self) -> None:
        end = len(self.whole) - self.guard
        outside = np.concatenate([self.whole[: self.guard], self.whole[end:]])
        assert (outside == _GUARD_BYTE).all(), "a kernel wrote outside its buffer"


@dataclass(frozen=True, eq=False)
class Rows:
    """An input of a kernel: an edge_rows over guarded memory."""

    memory: GuardedBytes
    row_bytes: int
    rows: int
    ring: int


def rows_of(data: Array, rows: int = 1) -> Rows:
    """A whole tensor as `rows` equal rows."""
    return Rows(GuardedBytes.holding(data), data.nbytes // rows, rows, rows)


class Kernels:
    """The compiled library: `kernels.call("conv2d_s8", descriptor, inputs, y, out)`."""

    def __init__(self, library: Path, folder: str = "ref") -> None:
        self.folder = folder
        self.ffi = cffi.FFI()
        self.ffi.cdef(declarations())
        self.library = self.ffi.dlopen(str(library))

    def call(
        self,
        name: str,
        descriptor: Descriptor,
        inputs: Sequence[Rows],
        y: int,
        out: np.ndarray[Any, np.dtype[np.uint8]],
        scratch: np.ndarray[Any, np.dtype[np.uint8]] | None = None,
    ) -> None:
        """Make row y into `out`."""
        arrays = {a.name: self._pointer(a.data) for a in descriptor.arrays}
        fields = {name: self._field(value, arrays) for name, value in descriptor.fields.items()}
        layer = self.ffi.new(f"{descriptor.struct} *", fields)
        rows = self.ffi.new("edge_rows[]", [self._rows(each) for each in inputs])
        kernel: Callable[..., None] = getattr(self.library, f"edge_{self.folder}_{name}")
        memory = self.ffi.NULL if scratch is None else self.ffi.from_buffer(scratch)
        kernel(layer, rows, y, self.ffi.from_buffer(out), memory)

    def _rows(self, rows: Rows) -> tuple[object, int, int, int]:
        data = self.ffi.from_buffer(rows.memory.inside)
        return data, rows.row_bytes, rows.rows, rows.ring

    def _pointer(self, data: Array) -> object:
        c_type = "float[]" if data.dtype == np.float32 else f"{data.dtype.name}_t[]"
        return self.ffi.from_buffer(c_type, np.ascontiguousarray(data).reshape(-1))

    def _field(self, value: Field, arrays: Mapping[str, object]) -> object:
        if isinstance(value, Symbol):
            if value.text == "NULL":
                return self.ffi.NULL
            return arrays[value.text] if value.text in arrays else self._constant(value.text)
        if isinstance(value, Mapping):
            return {name: self._field(each, arrays) for name, each in value.items()}
        return list(value) if isinstance(value, tuple) else value

    def _constant(self, name: str) -> object:
        return getattr(self.library, name)
