"""The loops that are modelled are those of the kernels, and each variant does the same work."""

from __future__ import annotations

import pytest

from edge.errors import EdgeError
from tests.bench.modelled_cycles import (
    LOOPS,
    Tools,
    cycles,
    disassembly,
    find_tools,
    loop_body,
    rows_of,
    split_loads,
    work,
)

CODE = [
    (0, "ldrd r2, r3, [r0], #8"),
    (4, "smlad r4, r2, r1, r4"),
    (8, "bne.w 0x4"),
    (12, "smlad r4, r2, r1, r4"),
    (16, "smlad r5, r3, r1, r5"),
    (20, "bfi r4, r5, #8, #8"),
    (24, "subs r6, #0x1"),
    (26, "bne 0xc"),
    (28, "blo.w 0x0"),
]
MACS = {"smlad": 2}


@pytest.fixture(scope="module")
def tools() -> Tools:
    try:
        return find_tools()
    except EdgeError as error:
        pytest.skip(str(error))


def test_the_innermost_loop_with_the_most_work_is_taken() -> None:
    body = loop_body(CODE, MACS)
    assert body == [line for at, line in CODE if 12 <= at <= 26]
    assert work(body, MACS) == 4


def test_a_pair_of_loads_becomes_two_that_read_the_same() -> None:
    assert split_loads(["ldrd r2, r3, [r0], #8", "ldrd r2, r3, [r1, #-0x10]", "sub r0, r1"]) == [
        "ldr r3, [r0, #4]", "ldr r2, [r0], #8",
        "ldr r3, [r1, #-12]", "ldr r2, [r1, #-16]",
        "sub r0, r1",
    ]  # fmt: skip


def test_two_dependent_products_take_longer_than_two_others(tools: Tools) -> None:
    dependent = ["smlad r4, r2, r1, r4", "smlad r4, r3, r4, r4", "bne 0x0"]
    apart = ["smlad r4, r2, r1, r4", "smlad r5, r3, r1, r5", "bne 0x0"]
    assert cycles(dependent, "cortex-m7", tools) > cycles(apart, "cortex-m7", tools)


def test_the_loop_of_the_dense_kernel_is_found_whole(tools: Tools) -> None:
    """16 steps of 12 instructions for 16 products each, and 3 that close the loop."""
    loop = LOOPS[0]
    body = loop_body(disassembly(loop, tools), loop.macs)
    assert (len(body), work(body, loop.macs)) == (16 * 12 + 3, 256)
    written, split = rows_of(loop, tools)
    assert written.instructions_per_mac == round((16 * 12 + 3) / 256, 3)
    assert split.instructions_per_mac == round((16 * 14 + 3) / 256, 3)


def test_a_core_without_a_model_is_refused(tools: Tools) -> None:
    old = Tools(tools.mca, tools.objdump, 14)
    with pytest.raises(EdgeError, match=r"E0403.*does not model cortex-m55[\s\S]*llvm-19"):
        rows_of(next(loop for loop in LOOPS if loop.core == "cortex-m55"), old)
