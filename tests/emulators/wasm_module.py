"""A WebAssembly module that runs many kernel calls on constant data and checks every byte they
write; wasmtime executes it.

Cases and expectations are those of the firmware for boards: see dsp_firmware.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from edge import resources
from edge.emit.c_text import ConstArray, initializer
from edge.emit.descriptors import describe
from edge.ir.types import Array
from edge.planning.plan import Step
from edge.target import load_target
from edge.toolchains import commands
from edge.toolchains.toolchain import find_toolchain
from tests.emulators.dsp_firmware import Case, as_bytes, kernel_sources

GUARD = 64


FUEL = 10**15


def failures(
    cases: Sequence[Case], folder: Path, toolchain: str = "zig", target: str = "wasm32"
) -> list[str]:
    """Build the cases into one module, run each and return the names of those that failed."""
    outcomes = [passed for passed, _ in _outcomes(cases, folder, toolchain, target)]
    return [case.name for case, passed in zip(cases, outcomes, strict=True) if not passed]


def fuel(
    cases: Sequence[Case], folder: Path, toolchain: str = "zig", target: str = "wasm32"
) -> list[int]:
    """The fuel that the kernel of each case takes; none may fail."""
    outcomes = list(_outcomes(cases, folder, toolchain, target))
    wrong = [case.name for case, (passed, _) in zip(cases, outcomes, strict=True) if not passed]
    assert not wrong, wrong
    return [taken for _, taken in outcomes]


def _outcomes(
    cases: Sequence[Case], folder: Path, toolchain: str, target: str
) -> Iterator[tuple[bool, int]]:
    """Of each case whether every byte was right, and the fuel that the kernel took."""
    import wasmtime

    config = wasmtime.Config()
    config.consume_fuel = True
    store = wasmtime.Store(wasmtime.Engine(config))
    store.set_fuel(FUEL)
    module = wasmtime.Module.from_file(store.engine, str(_build(cases, folder, toolchain, target)))
    exports = wasmtime.Instance(store, module, []).exports(store)
    for index in range(len(cases)):
        exports["prepare"](store, index)
        before = store.get_fuel()
        exports["execute"](store, index)
        taken = before - store.get_fuel()
        yield bool(exports["passes"](store, index)), taken


def _build(cases: Sequence[Case], folder: Path, toolchain: str, name: str) -> Path:
    target = load_target(name)
    compiler = find_toolchain(toolchain, target)
    main, made = folder / "main.c", folder / "cases.wasm"
    main.write_text(_program(cases), encoding="utf-8")
    includes = [f"-I{resources.path('runtime/include')}"]
    includes += [f"-isystem{path}" for path in commands.system_folders(target)]
    kernels = kernel_sources(cases)
    board = [path for path in commands.board_sources(target) if path.stem == "memory"]
    objects = []
    for source in [main, *kernels, *board]:
        flags = commands.compile_flags(target, toolchain, board=source in board)
        made_object = folder / f"{len(objects)}-{source.stem}.o"
        _call([*compiler.command, *flags, *includes, "-c", str(source), "-o", str(made_object)])
        objects.append(str(made_object))
    before, after = commands.link_flags(target, toolchain, ("prepare", "execute", "passes"))
    _call([*compiler.command, *before, *objects, *after, "-o", str(made)])
    return made


def _call(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stderr}"


def _program(cases: Sequence[Case]) -> str:
    parts = [_case_text(case, f"c{index}") for index, case in enumerate(cases)]
    spans = [_span(case) for case in cases]
    return _MAIN % {
        "definitions": "\n".join(definition for definition, _ in parts),
        "table": "\n".join(f"    {entry}," for _, entry in parts),
        "bytes": max(spans) + 2 * GUARD,
        "scratch": max(map(_scratch, cases)) + GUARD,
        "guard": GUARD,
    }


def _span(case: Case) -> int:
    """Bytes of output and overlapping input."""
    inputs = 0 if case.distance is None else case.distance + case.inputs[0].nbytes
    return max(case.expected.nbytes, inputs)


def _scratch(case: Case) -> int:
    return case.chosen.scratch(case.graph, case.graph.nodes[0])


def _case_text(case: Case, prefix: str) -> tuple[str, str]:
    """C definitions and the table entry of one case."""
    graph, node = case.graph, case.graph.nodes[0]
    assert case.chosen.accepts(graph, node), f"{case.name}: {case.kernel} does not accept it"
    expected = case.expected
    rows = case.rows
    described = describe(graph, node, Step(node.name, case.kernel, rows), prefix)
    arrays = [*described.arrays, ConstArray(f"{prefix}_expected", as_bytes(expected))]
    arrays += [ConstArray(f"{prefix}_x{i}", as_bytes(x)) for i, x in enumerate(case.inputs)]
    text = "".join(f"static {array.definition}\n" for array in arrays)
    text += f"static const {described.struct} {prefix} = {initializer(described.fields)};\n"
    sees_rows = not case.chosen.flat and node.op != "mean"
    inputs = [_rows_text(f"{prefix}_x{i}", x, sees_rows) for i, x in enumerate(case.inputs)]
    entry = (
        f"{{edge_{case.kernel.replace('/', '_')}, &{prefix}, {{{', '.join(inputs)}}},"
        f" {prefix}_expected, {rows}, {expected.nbytes // rows}, {_scratch(case)},"
        f" {-1 if case.distance is None else case.distance}, {case.inputs[0].nbytes},"
        f" {_span(case)}}}"
    )
    return text, entry


def _rows_text(name: str, x: Array, sees_rows: bool) -> str:
    rows = x.shape[1] if sees_rows and x.ndim == 4 else 1
    return f"{{{name}, {x.nbytes // rows}, {rows}, {rows}}}"


_MAIN = """
#include "edge/kernels.h"
#include "edge/memory.h"

%(definitions)s
typedef struct {
    edge_kernel *kernel;
    const void *layer;
    edge_rows in[3];
    const int8_t *expected;
    int32_t rows, row_bytes, scratch, distance, in_bytes, span;
} test_case;

static const test_case cases[] = {
%(table)s
};

enum { GUARD = %(guard)d, BYTES = %(bytes)d, SCRATCH = %(scratch)d, PATTERN = 0x5a };

static int8_t memory[BYTES] EDGE_ALIGN(16);
static int8_t scratch[SCRATCH] EDGE_ALIGN(16);

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

static edge_rows in[3];
static int8_t *const out = memory + GUARD;

void prepare(int index);
void prepare(int index) {
    const test_case *c = &cases[index];
    in[0] = c->in[0];
    in[1] = c->in[1];
    in[2] = c->in[2];
    memset(memory, PATTERN, BYTES);
    memset(scratch, PATTERN, SCRATCH);
    if (c->distance >= 0) {
        memcpy(out + c->distance, in[0].data, (size_t)c->in_bytes);
        in[0].data = out + c->distance;
    }
}

void execute(int index);
void execute(int index) {
    const test_case *c = &cases[index];
    for (int32_t y = 0; y < c->rows; y++) {
        c->kernel(c->layer, in, y, out + y * c->row_bytes, c->scratch ? scratch : NULL);
    }
}

int passes(int index);
int passes(int index) {
    const test_case *c = &cases[index];
    const int32_t bytes = c->rows * c->row_bytes;
    return equal(out, c->expected, bytes) && guarded(memory, GUARD) &&
           guarded(out + c->span, BYTES - GUARD - c->span) &&
           guarded(scratch + c->scratch, SCRATCH - c->scratch);
}
"""
