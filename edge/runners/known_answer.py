"""Whether a WebAssembly engine rounds f32x4.relaxed_madd once, asked with one product.

The specification lets an engine round twice instead, but always in the same way (WebAssembly 3.0,
relaxed SIMD). Modules of the precision fp32-fused would then compute other bits than the reference,
so nothing runs them there.
"""

from __future__ import annotations

from typing import Any

from edge.errors import EdgeError, fail
from edge.toolchains import Program

# (func (export "f") (param f32 f32 f32) (result f32)): relaxed_madd of three splats, lane 0.
MODULE = bytes.fromhex(
    "0061736d01000000" "010801" "60037d7d7d017d" "03020100" "0705010166" "0000"
    "0a160114" "00" "2000fd13" "2001fd13" "2002fd13" "fd8502" "fd1f00" "0b"
)  # fmt: skip
A, C = 1 + 2.0**-12, -(1 + 2.0**-11)
ONCE, TWICE = 2.0**-24, 0.0
"""A * A + C in exact arithmetic, and where the product is rounded to float32 first."""


def must_ask(program: Program) -> bool:
    """Whether a program holds kernels that need relaxed_madd to round once."""
    return program.project.fused and "relaxed_simd" in program.target.isa


def job_field(program: Program) -> dict[str, Any] | None:
    """What model_run.mjs needs to ask; None where it need not."""
    if not must_ask(program):
        return None
    return {"module": list(MODULE), "operands": [A, A, C], "result": ONCE}


def refusal(engine: str) -> EdgeError:
    """The error (E0405) for an engine that gave another answer or knows no relaxed SIMD."""
    return fail(
        "E0405",
        f"{engine} has no fused multiply-add for WebAssembly on this machine",
        help=[
            "engines fuse from Chromium 114, Node 21 and wasmtime 15 on, on CPUs that have FMA",
            "edge export -t wasm32 computes the same bits of fp32-fused in portable code",
        ],
    )
