"""The exact compiler and linker arguments for each kind of program and each compiler.

| cpu             | kind     | result                                                   |
|-----------------|----------|----------------------------------------------------------|
| host            | shared   | shared library of the model                              |
| wasm32          | wasm     | module that exports the model's functions and its memory |
| aarch64, armv7a | process  | static ELF program for Linux, without a C library        |
| *-android       | library  | shared library that needs no other one, for 16 KB pages  |
| anything else   | firmware | ELF image laid out by the target's memory                |
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from edge import resources
from edge.target import Memory, Target

Flags = tuple[str, ...]

# Contraction would round a*b+c once and give other bits than the reference.
_COMPILE: Flags = (
    "-std=c99",
    "-O2",
    "-g",
    "-DNDEBUG",
    "-ffp-contract=off",
    "-ffunction-sections",
    "-fdata-sections",
    "-fno-unwind-tables",
    "-fno-asynchronous-unwind-tables",
)
_COMPILE_BY: Mapping[str, Flags] = {"zig": ("-fno-sanitize=all",), "gcc": (), "emscripten": ()}

# Kernels read words with 4-byte memcpy, which only builtins turn into one load; the functions in
# memory.c must not become calls of themselves.
_BOARD: Flags = ("-fno-builtin", "-fno-unroll-loops")
_BOARD_BY: Mapping[str, Flags] = {
    "zig": (),
    "gcc": ("-fno-tree-loop-distribute-patterns",),
    "emscripten": (),
}


@dataclass(frozen=True)
class Kind:
    """A kind of program: file name suffix, flags of compiler and linker, libraries at the end.

    `sources` are files of targets/ that every program of the kind holds. `hides` programs show
    nothing but the model's functions to what loads them.
    """

    suffix: str
    compile: Flags = ()
    link: Flags = ()
    link_by: Mapping[str, Flags] = field(default_factory=dict)
    libraries_by: Mapping[str, Flags] = field(default_factory=dict)
    prefix: str = ""
    sources: tuple[str, ...] = ()
    hides: bool = False


_FREESTANDING: Flags = ("-ffreestanding", "-fbuiltin")
_KINDS: Mapping[str, Kind] = {
    "firmware": Kind(
        ".elf",
        compile=_FREESTANDING,
        # zig ignores ENTRY() of the linker script, and strips without -g what has -Os.
        link=("-g", "-nostdlib", "-Wl,--gc-sections", "-Wl,--entry=Reset_Handler"),
        link_by={"zig": ("-rtlib=compiler-rt",)},
        libraries_by={"gcc": ("-lgcc",)},
    ),
    "wasm": Kind(
        ".wasm",
        compile=_FREESTANDING,
        link=("-Wl,--gc-sections",),
        link_by={
            "zig": ("-nostdlib", "-Wl,--no-entry", "-Wl,--strip-debug"),
            # Its linker always asks for some functions of its C library.
            "emscripten": (
                "-O2",
                "--no-entry",
                "-sSTANDALONE_WASM",
                "-sTOTAL_STACK=65536",
                "-sINITIAL_MEMORY=67108864",
            ),
        },
    ),
    "process": Kind(
        ".elf",
        compile=_FREESTANDING,
        link=("-g", "-nostdlib", "-static", "-Wl,--gc-sections", "-Wl,--entry=_start"),
        link_by={"zig": ("-rtlib=compiler-rt",), "gcc": ("-no-pie", "-Wl,--build-id=none")},
        libraries_by={"gcc": ("-lgcc",)},
    ),
    "library": Kind(
        ".so",
        compile=_FREESTANDING,
        link=(
            "-shared",
            "-nostdlib",
            "-Wl,--gc-sections,--hash-style=both,-z,max-page-size=16384,-z,undefs",
        ),
        link_by={"zig": ("-rtlib=compiler-rt",), "gcc": ("-Wl,--build-id=none",)},
        libraries_by={"gcc": ("-lgcc",)},
        prefix="lib",
        sources=("linux/memory.c",),
        hides=True,
    ),
    "shared": Kind(
        ".so",
        link=("-shared", "-Wl,--gc-sections"),
        # zig would first build a C library for a minute; the process that loads this has one.
        link_by={"zig": ("-nostdlib", "-Wl,-z,undefs")},
        libraries_by={"gcc": ("-lm",)},
    ),
}
_KIND_OF_CPU: Mapping[str, str] = {
    "host": "shared",
    "wasm32": "wasm",
    "aarch64": "process",
    "armv7a": "process",
    "aarch64-android": "library",
    "x86_64-android": "library",
}


def kind_of(target: Target) -> Kind:
    """What kind of program the target runs."""
    return _KINDS[_KIND_OF_CPU.get(target.cpu, "firmware")]


def compile_flags(target: Target, toolchain: str, *, board: bool) -> list[str]:
    """Flags for one source; `board` marks start-up code, which must not rely on builtins."""
    general = (*_COMPILE, *_COMPILE_BY[toolchain], *kind_of(target).compile)
    flags = [*general, *target.flags[toolchain]]  # the target has the last word
    stack = f"-DEDGE_STACK_BYTES={target.stack}"
    return [*flags, *_BOARD, *_BOARD_BY[toolchain], stack] if board else flags


def link_flags(target: Target, toolchain: str, exports: tuple[str, ...]) -> tuple[Flags, Flags]:
    """Flags before and after the objects. `exports` are what a wasm module offers."""
    kind = kind_of(target)
    before = (*target.flags[toolchain], *kind.link, *kind.link_by.get(toolchain, ()))
    if kind.suffix == ".wasm":
        before += tuple(f"-Wl,--export={name}" for name in exports)
        before += (f"-Wl,-z,stack-size={target.stack}",)
    return before, kind.libraries_by.get(toolchain, ())


def system_folders(target: Target) -> list[Path]:
    """Include folders that stand in for a C library where the compiler has none."""
    freestanding = "-ffreestanding" in kind_of(target).compile
    return [resources.path("targets/freestanding/include")] if freestanding else []


def board_sources(target: Target) -> list[Path]:
    """Sources of the target's board: start-up code and runner main, or the clock of marks."""
    general = [resources.path(f"targets/{file}") for file in kind_of(target).sources]
    if not target.board:
        return general
    return general + sorted(resources.path(f"targets/{target.board}").glob("*.c"))


def linker_script(target: Target) -> str:
    """The board's sections after the target's memory: exceeding the budget is a link error."""
    sections = resources.path(f"targets/{target.board}/sections.ld").read_text(encoding="utf-8")
    regions = [
        ("VECTORS (rx)", target.vectors),
        ("FLASH (rx)", target.flash),
        ("SRAM (rwx)", target.sram),
    ]
    lines = [_region(name, memory) for name, memory in regions if memory]
    alias = [] if target.vectors else ['REGION_ALIAS("VECTORS", FLASH);']
    stack = f"_stack_size = {target.stack};"
    return "\n".join(["MEMORY", "{", *lines, "}", *alias, stack, sections])


def version_script(exports: tuple[str, ...]) -> str:
    """A linker script that hides all symbols but the model's."""
    return f"{{ global: {' '.join(f'{name};' for name in exports)} local: *; }};\n"


def _region(name: str, memory: Memory) -> str:
    return f"  {name} : ORIGIN = {memory.origin:#x}, LENGTH = {memory.length}"


def feature_check(target: Target) -> str:
    """C that compiles only if the compiler has the target's feature macros and builtins."""
    return (
        "".join(
            f'#ifndef {macro}\n#error "flags of {target.name} give no {macro}"\n#endif\n'
            for macro in target.macros
        )
        + "".join(
            f"#if !__has_builtin({name})\n"
            f'#error "the compiler is too old for {target.name}: no {name}"\n#endif\n'
            for name in target.builtins
        )
        + "typedef int edge_features_checked;\n"
    )
