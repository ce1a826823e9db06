"""A fault of emulated firmware as an error that says what to change.

Armv7-M Architecture Reference Manual (DDI 0403), sections B1.5.2 (exception numbers) and B3.2.15
(configurable fault status register).
"""

from __future__ import annotations

import re

from edge.errors import EdgeError, fail
from edge.runners.result import parse_pairs
from edge.target import Memory, Target
from edge.toolchains import Program
from edge.toolchains.sizes import function_symbols

FAULT_STATUS = 99

_REPORT = re.compile(r"^edge-fault (.*)$", re.MULTILINE)
_EXCEPTIONS = {2: "NMI", 3: "HardFault", 4: "MemManage", 5: "BusFault", 6: "UsageFault"}


def fault_error(program: Program, output: str) -> EdgeError:
    """The error for a program that ended with FAULT_STATUS and printed `output`.

    E0311 the stack is too small, E0312 access past the target's SRAM, E0510 any other fault.
    """
    line = _REPORT.search(output)
    report = parse_pairs(line.group(1)) if line else {}
    code, title = _cause(report, program.target)
    registers = " ".join(f"{key}={report[key]:#x}" for key in ("cfsr", "hfsr") if key in report)
    name = _EXCEPTIONS.get(report.get("exception", 0), "fault")
    return fail(
        code,
        f"{title} on {program.target.name}",
        _where(program, report.get("pc", 0)),
        notes=[f"exit status {FAULT_STATUS}: {name} {registers}"],
        help=_HELP.get(code, ()),
    )


_HELP = {"E0311": ["reserve more: limits.stack in the target's target.toml"]}


def _cause(report: dict[str, int], target: Target) -> tuple[str, str]:
    if report.get("stack_overflow"):
        return "E0311", f"stack overflow: the program needs more than {target.stack:,} B"
    address = report.get("address")
    if address is None:
        return "E0510", "the program faulted"
    if target.sram and _is_past(address, target.sram):
        end = target.sram.origin + target.sram.length
        return "E0312", (
            f"access to {address:#x}, {address - end} B past the end of the "
            f"{target.sram.length:,} B of SRAM"
        )
    return "E0510", f"the program faulted at an access to {address:#x}"


def _is_past(address: int, memory: Memory) -> bool:
    """Whether an address lies behind a memory, at less than its length (else: a wild pointer)."""
    end = memory.origin + memory.length
    return end <= address < end + memory.length


def _where(program: Program, pc: int) -> str:
    for start, size, name in function_symbols(program.path):
        if start <= pc < start + size:
            return f"function {name}, pc {pc:#x}"
    return f"pc {pc:#x}" if pc else ""
