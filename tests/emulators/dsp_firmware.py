"""Firmware that runs many kernel calls on constant data and checks every byte they write.

A case is a graph of one node and the kernel that should run it. The outputs expected are those of
the numpy reference. Around outputs and behind scratch lie bytes that must not change.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge import resources
from edge.emit.c_text import ConstArray, initializer
from edge.emit.descriptors import describe
from edge.ir import OPS, Graph, RowRule
from edge.ir.types import Array
from edge.planning.choice import kernel_named
from edge.planning.kernels import Kernel
from edge.planning.plan import Step
from edge.planning.rows import row_count
from edge.reference import run
from edge.runners.plugin import counting_plugin
from edge.target import Target, load_target
from edge.toolchains import commands
from edge.toolchains.sizes import function_symbols
from edge.toolchains.toolchain import find_toolchain

_GUARD = 64
_MARKED_CALL = 2  # instructions of a call of edge_mark and its return


@dataclass(frozen=True, eq=False)
class Case:
    """One operator on one input. `distance`: the input lies so many bytes above the output;
    `at_end`: the first input lies at the end of SRAM, behind which nothing can be read."""

    name: str
    graph: Graph
    kernel: str
    inputs: tuple[Array, ...]
    distance: int | None = None
    at_end: bool = False

    @property
    def chosen(self) -> Kernel:
        return kernel_named(self.kernel, self.graph.nodes[0].op)

    @property
    def rows(self) -> int:
        """Calls that the planner would make of the kernel on its own."""
        node = self.graph.nodes[0]
        by_rows = OPS[node.op].rows is RowRule.WINDOW and not self.chosen.flat
        return row_count(self.graph.type(node.output)) if by_rows else 1

    @property
    def expected(self) -> Array:
        return run(self.graph, self.inputs)[self.graph.outputs[0]]


@dataclass(frozen=True)
class Outcome:
    """Names of the cases that failed, and for each case the instructions it took if counted."""

    failed: list[str]
    instructions: list[int] = field(default_factory=list)


def run_cases(
    cases: Sequence[Case], target_name: str, toolchain: str, folder: Path, count: bool = False
) -> Outcome:
    """Build the cases into one image, run it in QEMU and report which failed."""
    target = _roomy(load_target(target_name))
    image = _build(cases, target, toolchain, folder)
    output = _execute(image, target, folder, count)
    lines = output.splitlines()
    assert lines[-1:] == ["done"], output[-2000:]
    failed = [cases[int(line.split("=")[1])].name for line in lines if line.startswith("wrong=")]
    return Outcome(failed, _counts(folder, len(cases)) if count else [])


def _roomy(target: Target) -> Target:
    """The target with room for all cases, on a board that has it."""
    return target.with_memory(sram="2M", flash="4M") if target.sram else target


def _counts(folder: Path, cases: int) -> list[int]:
    marks = [int(line) for line in (folder / "counts.txt").read_text().split()]
    assert len(marks) == 2 * cases
    return [end - start - _MARKED_CALL for start, end in list(pairwise(marks))[::2]]


def _execute(image: Path, target: Target, folder: Path, count: bool) -> str:
    counting: list[str] = []
    if count:
        mark = next(start for start, _, name in function_symbols(image) if name == "edge_mark")
        counting = ["-plugin", f"{counting_plugin()},mark={mark:#x},out=counts.txt"]
    command = (_board_command if target.sram else _process_command)(image, target, counting)
    done = subprocess.run(
        command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=300, check=False,
    )  # fmt: skip
    return done.stdout + done.stderr


def _board_command(image: Path, target: Target, counting: list[str]) -> list[str]:
    command = [target.emulator, "-M", target.machine, "-kernel", str(image)]
    command += ["-nographic", "-monitor", "none", "-serial", "none", "-chardev", "stdio,id=console"]
    command += ["-semihosting-config", "enable=on,target=native,chardev=console"]
    return command + counting


def _process_command(image: Path, target: Target, counting: list[str]) -> list[str]:
    return [target.emulator, "-cpu", target.machine, *counting, str(image)]


def _build(cases: Sequence[Case], target: Target, toolchain: str, folder: Path) -> Path:
    found = find_toolchain(toolchain, target)
    main = folder / "main.c"
    main.write_text(_program(cases), encoding="utf-8")
    board = resources.path(f"targets/{target.board}")
    includes = [f"-I{resources.path('runtime/include')}", f"-I{board}"]
    includes += [f"-isystem{path}" for path in commands.system_folders(target)]
    objects = []
    board_files = [file for file in commands.board_sources(target) if file.name != "main.c"]
    for index, source in enumerate([main, *kernel_sources(cases), *board_files]):
        made = folder / f"{index}-{source.stem}.o"
        flags = commands.compile_flags(target, toolchain, board=source in board_files)
        _call([*found.command, *flags, *includes, "-c", str(source), "-o", str(made)])
        objects.append(str(made))
    before, after = commands.link_flags(target, toolchain, ())
    image = folder / "cases.elf"
    script = _linker_script(target, folder)
    _call([*found.command, *before, *script, *objects, *after, "-o", str(image)])
    return image


def _linker_script(target: Target, folder: Path) -> list[str]:
    if not target.sram:
        return []
    script = folder / "board.ld"
    script.write_text(commands.linker_script(target), encoding="utf-8")
    return [f"-Wl,-T,{script}"]


def kernel_sources(cases: Sequence[Case]) -> list[Path]:
    """The files under runtime/kernels that the cases need."""
    files = {f"{case.kernel}.c" for case in cases}
    files |= {source for case in cases for source in case.chosen.sources}
    return [resources.path(f"runtime/kernels/{name}") for name in sorted(files)]


def _call(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stderr}"


def _program(cases: Sequence[Case]) -> str:
    parts = [_case_text(case, f"c{index}") for index, case in enumerate(cases)]
    definitions = "\n".join(definition for definition, _ in parts)
    table = "\n".join(f"    {entry}," for _, entry in parts)
    sizes = [case.expected.nbytes + (case.distance or 0) for case in cases]
    inputs = [sum(x.nbytes for x in case.inputs) + (case.distance or 0) for case in cases]
    scratch = [_scratch(case) for case in cases]
    return _MAIN % {
        "definitions": definitions,
        "table": table,
        "bytes": max(map(max, zip(sizes, inputs, strict=True))) + 2 * _GUARD,
        "scratch": max(scratch) + _GUARD,
        "guard": _GUARD,
    }


def _scratch(case: Case) -> int:
    return -(-case.chosen.scratch(case.graph, case.graph.nodes[0]) // 4) * 4


def _case_text(case: Case, prefix: str) -> tuple[str, str]:
    """C definitions and the table entry of one case."""
    graph, node = case.graph, case.graph.nodes[0]
    expected = case.expected
    rows = case.rows
    described = describe(graph, node, Step(node.name, case.kernel, rows), prefix)
    arrays = [*described.arrays, ConstArray(f"{prefix}_expected", as_bytes(expected))]
    arrays += [ConstArray(f"{prefix}_x{i}", as_bytes(x)) for i, x in enumerate(case.inputs)]
    text = "".join(f"static {array.definition}\n" for array in arrays)
    text += f"static const {described.struct} {prefix} = {initializer(described.fields)};\n"
    sees_rows = not case.chosen.flat and rows == row_count(graph.type(node.output))
    inputs = [_rows_text(f"{prefix}_x{i}", x, sees_rows) for i, x in enumerate(case.inputs)]
    entry = (
        f"{{edge_{case.kernel.replace('/', '_')}, &{prefix}, {{{', '.join(inputs)}}},"
        f" {prefix}_expected, {rows}, {expected.nbytes // rows}, {_scratch(case)},"
        f" {-1 if case.distance is None else case.distance}, {case.inputs[0].nbytes},"
        f" {int(case.at_end)}}}"
    )
    return text, entry


def as_bytes(array: Array) -> npt.NDArray[np.int8]:
    """The bytes of an array, flat."""
    return np.frombuffer(np.ascontiguousarray(array).tobytes(), np.int8)


def _rows_text(name: str, x: Array, sees_rows: bool) -> str:
    rows = x.shape[1] if sees_rows and x.ndim == 4 else 1
    return f"{{{name}, {x.nbytes // rows}, {rows}, {rows}}}"


_MAIN = """
#ifdef __linux__
#include "process.h"
#else
#include "board.h"
#endif
#include "edge/kernels.h"
#include "edge/memory.h"

%(definitions)s
typedef struct {
    edge_kernel *kernel;
    const void *layer;
    edge_rows in[4];
    const int8_t *expected;
    int32_t rows, row_bytes, scratch, distance, in_bytes, at_end;
} test_case;

static const test_case cases[] = {
%(table)s
};

enum { GUARD = %(guard)d, BYTES = %(bytes)d, SCRATCH = %(scratch)d, PATTERN = 0x5a };

static int8_t memory[BYTES] EDGE_ALIGN(16);
static int8_t scratch[SCRATCH] EDGE_ALIGN(16);

void edge_mark(void);
#ifndef __linux__
__attribute__((naked, noinline, used)) void edge_mark(void) {
    __asm__ volatile("bx lr");
}
#endif

static int guarded(const int8_t *from, int32_t bytes) {
    for (int32_t i = 0; i < bytes; i++) {
        if (from[i] != PATTERN) {
            return 0;
        }
    }
    return 1;
}

static int equal(const int8_t *a, const int8_t *b, int32_t bytes) {
    for (int32_t i = 0; i < bytes; i++) {
        if (a[i] != b[i]) {
            return 0;
        }
    }
    return 1;
}

static int passes(const test_case *c) {
    const int32_t bytes = c->rows * c->row_bytes;
    int8_t *out = memory + GUARD;
    edge_rows in[4] = {c->in[0], c->in[1], c->in[2], c->in[3]};
    int32_t used = bytes;
    memset(memory, PATTERN, BYTES);
    memset(scratch, PATTERN, SCRATCH);
    if (c->distance >= 0) {
        memcpy(out + c->distance, in[0].data, (size_t)c->in_bytes);
        in[0].data = out + c->distance;
        used = c->distance + c->in_bytes > bytes ? c->distance + c->in_bytes : bytes;
    }
#ifndef __linux__
    if (c->at_end) {
        int8_t *end = (int8_t *)ADDRESS(_ram_end) - c->in_bytes;
        memcpy(end, in[0].data, (size_t)c->in_bytes);
        in[0].data = end;
    }
#endif
    edge_mark();
    for (int32_t y = 0; y < c->rows; y++) {
        c->kernel(c->layer, in, y, out + y * c->row_bytes, c->scratch ? scratch : NULL);
    }
    edge_mark();
    return equal(out, c->expected, bytes) && guarded(memory, GUARD) &&
           guarded(out + used, BYTES - GUARD - used) &&
           guarded(scratch + c->scratch, SCRATCH - c->scratch);
}

int main(void) {
    for (uint32_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (!passes(&cases[i])) {
            print_value("wrong=", i);
            print("\\n");
        }
    }
    print("done\\n");
    return 0;
}
"""
