"""One source tree with the manifests of one or several ecosystems for microcontrollers.

src/                 the C, flat, with the headers of Edge in src/edge
examples/NAME/       runs stored inputs and compares the outputs; also the Arduino sketch
examples/KIND/       the program around it for cmake, zephyr, platformio, espidf
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edge import __version__, resources
from edge.emit.project import Files
from edge.emit.templates import render
from edge.errors import EdgeError, fail
from edge.packages.example import Example
from edge.packages.kinds import KINDS
from edge.packages.subject import Subject
from edge.packages.templates import rendered
from edge.target import Target, load_target, targets
from edge.toolchains import commands

FIRMWARE, PROCESS, PORTABLE = "firmware", "process", "portable"
"""Code with Arm instructions for bare metal or Linux, and C for any CPU."""


@dataclass(frozen=True)
class Ecosystem:
    """What an ecosystem is called, and which code it can build."""

    title: str
    builds: tuple[str, ...] = (FIRMWARE, PORTABLE)


ECOSYSTEMS: Mapping[str, Ecosystem] = {
    "cmake": Ecosystem("CMake", (FIRMWARE, PROCESS, PORTABLE)),
    "zephyr": Ecosystem("Zephyr"),
    "arduino": Ecosystem("Arduino"),
    "platformio": Ecosystem("PlatformIO"),
    "espidf": Ecosystem("ESP-IDF", (PORTABLE,)),
}

ALL = "all-mcu"
_LINUX = ("aarch64", "armv7a")
_BOARDS: Mapping[str, tuple[str, str, tuple[str, str]]] = {
    "cortex-m0plus": ("qemu_cortex_m0", "arduino:mbed_rp2040:pico", ("raspberrypi", "pico")),
    "cortex-m4": ("mps2/an386", "arduino:mbed_nano:nano33ble", ("nordicnrf52", "nano33ble")),
    "cortex-m7": ("mps2/an500", "arduino:mbed_giga:giga", ("ststm32", "giga_r1_m7")),
    "cortex-m33": ("mps2/an521/cpu0", "arduino:renesas_portenta:portenta_c33",
                   ("ststm32", "nucleo_l552ze_q")),
    "cortex-m55": ("mps3/corstone300/an547", "VENDOR:ARCHITECTURE:BOARD", ("PLATFORM", "BOARD")),
    "cortex-m85": ("mps4/corstone315/fvp", "VENDOR:ARCHITECTURE:BOARD", ("PLATFORM", "BOARD")),
    "host": ("native_sim", "arduino:mbed_nano:nano33ble", ("nordicnrf52", "nano33ble")),
}  # fmt: skip
"""Boards with the CPU: Zephyr's, the one of arduino-cli, platform and board of PlatformIO."""

_ARM_ARCHITECTURES = (
    "mbed_edge,mbed_giga,mbed_nano,mbed_nicla,mbed_opta,mbed_portenta,mbed_rp2040,nrf52,"
    "renesas_portenta,renesas_uno,rp2040,samd,stm32"
)
_ARM_PLATFORMS = ("atmelsam", "nordicnrf52", "raspberrypi", "renesas-ra", "ststm32")
_ESP_CHIPS = ("esp32", "esp32c2", "esp32c3", "esp32c6", "esp32h2", "esp32p4", "esp32s2", "esp32s3")

# Arduino's build takes no flags from libraries, and its compilers contract a*b+c in float code.
_NO_CONTRACTION = '#if defined(__GNUC__) && !defined(__clang__)\n#pragma GCC optimize("fp-contract=off")\n#endif\n'  # noqa: E501


def package(kind: str, subject: Subject) -> Files:
    """The tree of an ecosystem, or of all that can build the export.

    Raises EdgeError E0052 if none can.
    """
    form = form_of(subject.target)
    kinds = [name for name in _ecosystems(kind) if form in ECOSYSTEMS[name].builds]
    if not kinds:
        raise _unfit(kind, subject.target)
    return _tree(kinds, subject)


def _ecosystems(kind: str) -> tuple[str, ...]:
    return tuple(ECOSYSTEMS) if kind == ALL else (kind,)


def form_of(target: Target) -> str:
    """What code for the target is: firmware, process, portable, or "" for none of these."""
    if target.cpu.startswith("cortex-m"):
        return FIRMWARE
    return {"host": PORTABLE, **dict.fromkeys(_LINUX, PROCESS)}.get(target.cpu, "")


def _unfit(kind: str, target: Target) -> EdgeError:
    builds = {form for name in _ecosystems(kind) for form in ECOSYSTEMS[name].builds}
    names = [name for name in targets() if form_of(load_target(name)) in builds]
    return fail(
        "E0052",
        f"no {kind} package for {target.name}",
        help=[f"export with -t {' or '.join(names)}; host is C for any CPU"],
    )


def _tree(kinds: Sequence[str], subject: Subject) -> Files:
    view = _view(kinds, subject)
    files = _sources(subject, contracted="arduino" in kinds)
    files["README.md"] = render("packages/shared/README.md.j2", view)
    if {"cmake", "espidf"} & set(kinds):
        files["CMakeLists.txt"] = render("packages/shared/CMakeLists.txt.j2", view)
    for folder in ("mcu", *kinds):
        files |= rendered(folder, view)
    if "cmake" in kinds and view["emulator"]:
        files |= _cross_build(subject.target, view)
    return files


def source_path(path: str) -> str:
    """Where a file of an export lies below src/: headers of Edge are found as "edge/x.h"."""
    return path.replace("edge/include/edge/", "edge/", 1)


def _sources(subject: Subject, contracted: bool) -> Files:
    """The C below src/; `contracted` where compilers must be kept from contracting floats."""
    code = {f"src/{source_path(path)}": str(text) for path, text in subject.code.items()}
    if subject.target.macros:
        code["src/edge/target.c"] = _target_check(subject.target)
    floats = any("float" in text for path, text in code.items() if path.endswith(".c"))
    if contracted and floats:
        return {p: _NO_CONTRACTION + t if p.endswith(".c") else t for p, t in code.items()}
    return dict(code)


def _target_check(target: Target) -> str:
    licence = "/* SPDX-License-Identifier: Apache-2.0 */\n"
    return licence + commands.feature_check(target)


def _view(kinds: Sequence[str], subject: Subject) -> dict[str, Any]:
    plan, target, form = subject.plan, subject.target, form_of(subject.target)
    inputs, outputs = subject.ports
    compiled = [path for path in _sources(subject, False) if path.endswith((".c", ".S"))]
    zephyr, arduino, platformio = _BOARDS.get(target.name, _BOARDS["host"])
    portable = form == PORTABLE
    return {
        "kinds": {kind: KINDS[kind].support for kind in kinds},
        "titles": {kind: ECOSYSTEMS[kind].title for kind in kinds},
        "name": subject.name,
        "macro": subject.name.upper(),
        "target": target.name,
        "version": __version__,
        "arena_bytes": plan["arena"],
        "inputs": inputs,
        "outputs": outputs,
        "elements": subject.vectors[1][0][0].size,
        "input_rows": plan.get("input_rows", 0),
        "states": plan["states"],
        "trains": subject.trains,
        "classes": plan.get("loss") == "cross_entropy",
        "wanted": "label" if plan.get("loss") == "cross_entropy" else "target",
        "functions": _functions(subject),
        "sources": [path.removeprefix("src/") for path in compiled],
        "assembly": any(path.endswith(".S") for path in compiled),
        "fpu": "__ARM_FP" in target.macros,
        "zephyr_board": zephyr,
        "arduino_board": arduino,
        "arduino_architectures": "*" if portable else _ARM_ARCHITECTURES,
        "platformio_example": platformio,
        "platformio_platforms": json.dumps("*" if portable else _ARM_PLATFORMS),
        "esp_chips": _ESP_CHIPS,
        **_build_view(target, form),
        **Example(subject).view(),
    }


def _functions(subject: Subject) -> list[str]:
    """Endings of the functions of the interface."""
    if subject.trains:
        return ["run", "train_step", "reset", "save", "load"]
    rows = ["begin", "push_row", "row", "run_rows"]
    given = rows if subject.plan.get("input_rows") else ["input", "invoke"]
    return [*given, "output", *(["reset"] if subject.plan["states"] else [])]


_COMPILERS = {FIRMWARE: "arm-none-eabi-gcc", PORTABLE: "cc"}
_LINUX_COMPILERS = {"aarch64": "aarch64-linux-gnu-gcc", "armv7a": "arm-linux-gnueabihf-gcc"}
_SEMIHOSTING = ("-nographic", "-monitor", "none", "-serial", "none", "-chardev", "stdio,id=s",
                "-semihosting-config", "enable=on,target=native,chardev=s", "-kernel")  # fmt: skip


def _build_view(target: Target, form: str) -> dict[str, Any]:
    flags = ["-std=c99", "-O2", "-ffunction-sections", "-fdata-sections", "-ffp-contract=off"]
    flags += [] if form == PORTABLE else target.flags["gcc"]
    emulator = {
        FIRMWARE: (target.emulator, "-M", target.machine, *_SEMIHOSTING),
        PROCESS: (target.emulator, "-cpu", target.machine),
    }.get(form, ())
    toolchain = ' -DCMAKE_TOOLCHAIN_FILE="$PWD/examples/cmake/toolchain.cmake"'
    return {
        "firmware": form == FIRMWARE,
        "hosted": form == PORTABLE,
        "cpu": target.cpu,
        "stack": target.stack,
        "compiler": {**_COMPILERS, PROCESS: _LINUX_COMPILERS.get(target.cpu)}[form],
        "flags": " ".join(flags),
        "emulator": emulator,
        "toolchain": toolchain if emulator else "",
    }


def _cross_build(target: Target, view: Mapping[str, Any]) -> Files:
    """Toolchain file, and for bare metal the board's start-up code and linker script."""
    folder = "examples/cmake"
    files: Files = {f"{folder}/toolchain.cmake": render("packages/shared/toolchain.cmake.j2", view)}
    if not view["firmware"]:
        return files
    board = resources.path(f"targets/{target.board}")
    for file in sorted(board.glob("*.[ch]")):
        if file.name != "main.c":
            files[f"{folder}/board/{file.name}"] = file.read_text(encoding="utf-8")
    files[f"{folder}/board/board.ld"] = commands.linker_script(target)
    return files
