"""Multiply-add with one rounding: numpy and the C without the instruction equal fmaf of libm."""

from __future__ import annotations

import subprocess
from pathlib import Path

import cffi
import numpy as np
import pytest

from edge import resources
from edge.reference.float_fused import Floats, fma
from tests.kernels.float_cases import KINDS, floats
from tests.kernels.host import host_compiler

COUNT = 20_000


@pytest.fixture(scope="module")
def emulated(tmp_path_factory: pytest.TempPathFactory) -> object:
    """edge_fma_emulated_f32 over arrays, and fmaf of the C library."""
    folder = tmp_path_factory.mktemp("fma")
    source = folder / "fma.c"
    loop = "for (int32_t i = 0; i < n; i++) { out[i] = %s(a[i], b[i], c[i]); }"
    signature = "(int32_t n, const float *a, const float *b, const float *c, float *out)"
    source.write_text(
        '#include <math.h>\n#include "edge/fma.h"\n'
        f"void emulated{signature} {{ {loop % 'edge_fma_emulated_f32'} }}\n"
        f"void exact{signature} {{ {loop % 'fmaf'} }}\n"
    )
    ffi = cffi.FFI()
    ffi.cdef(f"void emulated{signature}; void exact{signature};")
    made = folder / "fma.so"
    _compile(source, made)
    return ffi, ffi.dlopen(str(made))


def _compile(source: Path, made: Path) -> None:
    flags = ["-std=c99", "-O2", "-fPIC", "-shared", "-ffp-contract=off", "-fno-builtin-fmaf"]
    include = f"-I{resources.path('runtime/include')}"
    command = [*host_compiler(), *flags, include, str(source), "-lm", "-o", str(made)]
    subprocess.run(command, check=True)


def _run(library: object, name: str, *operands: Floats) -> Floats:
    ffi, functions = library  # type: ignore[misc]
    out = np.empty(len(operands[0]), np.float32)
    pointers = [ffi.cast("float *", x.ctypes.data) for x in (*operands, out)]
    getattr(functions, name)(len(out), *pointers)
    return out


def _near_ties(rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """Products that nearly cancel, or hardly reach half a unit of, their addends."""
    a, b = (floats(rng, (COUNT,)) for _ in range(2))
    scale = np.ldexp(np.float32(1), rng.integers(-3, 30, COUNT)).astype(np.float32)
    middle = np.float32(1) + np.ldexp(np.float32(1), -12)
    some = rng.random(COUNT) < 0.5
    a = np.where(some, middle, a)
    b = np.where(some, np.float32(1) + np.ldexp(np.float32(1), rng.integers(-23, -10, COUNT)), b)
    return a, b.astype(np.float32), (-(a * b) * scale).astype(np.float32)


def _halves(rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """a * b is half a unit in the last place of c less a part in 2**46, which float64 drops."""
    c = floats(rng, (COUNT,))
    nudge = np.ldexp(rng.integers(-2, 3, COUNT).astype(np.float32), -23)
    a = np.spacing(np.abs(c)) / np.float32(2) * (np.float32(1) + nudge)
    sign = np.where(rng.random(COUNT) < 0.5, np.float32(1), np.float32(-1))
    return a, (sign * (np.float32(1) - nudge)).astype(np.float32), c


def _operands(kind: str) -> tuple[Floats, Floats, Floats]:
    rng = np.random.default_rng(5)
    if kind == "near ties":
        return _near_ties(rng)
    if kind == "halves":
        return _halves(rng)
    a, b, c = (floats(rng, (COUNT,), kind) for _ in range(3))
    return a, b, c


@pytest.mark.parametrize("kind", [*KINDS, "near ties", "halves"])
def test_numpy_and_c_equal_fmaf(emulated: object, kind: str) -> None:
    operands = _operands(kind)
    expected = _run(emulated, "exact", *operands).view(np.uint32)
    np.testing.assert_array_equal(fma(*operands).view(np.uint32), expected)
    np.testing.assert_array_equal(_run(emulated, "emulated", *operands).view(np.uint32), expected)


def test_the_operands_tell_one_rounding_from_two(emulated: object) -> None:
    a, b, c = _operands("halves")
    expected = _run(emulated, "exact", a, b, c)
    twice = (a.astype(np.float64) * b + c).astype(np.float32)
    assert np.count_nonzero(expected != a * b + c) > 1000
    assert np.count_nonzero(expected != twice) > 1000


def test_infinities_and_nan_pass(emulated: object) -> None:
    special = np.array([np.inf, -np.inf, np.nan, 0.0, -0.0, 3e38, 1.0], np.float32)
    a, b, c = (x.reshape(-1) for x in np.meshgrid(special, special, special))
    operands = [np.ascontiguousarray(x) for x in (a, b, c)]
    expected = _run(emulated, "exact", *operands)
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(fma(*operands), expected)
    np.testing.assert_array_equal(_run(emulated, "emulated", *operands), expected)
