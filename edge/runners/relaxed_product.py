"""Whether a WebAssembly engine has relaxed dot products, and gets one right.

Loaders take the module of wasm32-relaxed where `MODULE` is valid (WebAssembly.validate) and its
function f() returns `RESULT`, else that of wasm32, which computes the same bits. Validation alone
does not do: the baseline compiler of Node 20 under --experimental-wasm-relaxed-simd takes the
instruction and adds its product twice.
"""

from __future__ import annotations

from typing import Any

from edge.errors import EdgeError, fail
from edge.toolchains import Program

_WEIGHTS = (127, 127, -128, -128, -1, 0, 64, -64, 5, -7, 11, -13, -127, 127, 100, 27)
_INPUTS = (127, 127, 127, 127, 127, 1, 2, 3, 0, 90, 45, 17, 127, 0, 33, 126)
_SUMS = (1000, -200000, 3, -4)
_FACTORS = (1, 3, 5, 7)


def _constant(lanes: tuple[int, ...], size: int) -> bytes:
    return b"\xfd\x0c" + b"".join(lane.to_bytes(size, "little", signed=True) for lane in lanes)


def _lane(index: int) -> bytes:
    """Local 0's lane times its factor, added to what is there."""
    product = b"\x20\x00\xfd\x1b" + bytes([index, 0x41, _FACTORS[index], 0x6C])
    return product + (b"\x6a" if index else b"")


def _section(kind: int, content: bytes) -> bytes:
    return bytes([kind, *_length(content)]) + content


def _length(content: bytes) -> bytes:
    """The size as LEB128, below 16384."""
    size = len(content)
    return bytes([size]) if size < 128 else bytes([size & 127 | 128, size >> 7])


_PAIR = _constant(_WEIGHTS, 1) + _constant(_INPUTS, 1)
# v = i32x4.relaxed_dot_i8x16_i7x16_add_s(weights, inputs, sums)
# v += i32x4.extadd_pairwise_i16x8_s(i16x8.relaxed_dot_i8x16_i7x16_s(weights, inputs))
_BODY = (
    bytes([1, 1, 0x7B]) + _PAIR + _constant(_SUMS, 4) + b"\xfd\x93\x02"
    + _PAIR + b"\xfd\x92\x02\xfd\x7e\xfd\xae\x01\x21\x00" + b"".join(map(_lane, range(4))) + b"\x0b"
)  # fmt: skip
_FUNCTION = bytes([1]) + _length(_BODY) + _BODY

MODULE = (
    b"\0asm\1\0\0\0"
    + _section(1, bytes([1, 0x60, 0, 1, 0x7F]))
    + _section(3, bytes([1, 0]))
    + _section(7, b"\1\1f\0\0")
    + _section(10, _FUNCTION)
)
"""(func (export "f") (result i32)): both relaxed dot products of constants, lanes weighted."""


def _expected() -> int:
    products = [w * x for w, x in zip(_WEIGHTS, _INPUTS, strict=True)]
    fours = [sum(products[i : i + 4]) for i in range(0, 16, 4)]
    lanes = zip(_FACTORS, _SUMS, fours, strict=True)
    return sum(factor * (before + 2 * four) for factor, before, four in lanes)


RESULT = _expected()


def job_field(program: Program) -> dict[str, Any] | None:
    """What model_run.mjs needs to ask; None for programs without relaxed dot products."""
    if not any(file.startswith("edge/kernels/relaxed/") for file in program.project.files):
        return None
    return {"module": list(MODULE), "operands": [], "result": RESULT}


def refusal(engine: str) -> EdgeError:
    """The error (E0405) for an engine without the product, or with a wrong one."""
    return fail(
        "E0405",
        f"{engine} has no relaxed WebAssembly SIMD on this machine, or gets a product wrong",
        help=[
            "update it: Chromium 114, Node 21 and wasmtime 15 have it",
            "edge export -t wasm32 makes a module with the same bits for every engine with SIMD",
        ],
    )
