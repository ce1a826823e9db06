"""Modelled cycles of the inner loops of the Arm assembly kernels, beside their instructions.

    python -m tests.bench.modelled_cycles [--json]

Each kernel is assembled, its innermost loop taken from the disassembly and given to llvm-mca, which
knows the pipeline of a core but neither its memory nor its branch prediction: a model, no
measurement. Where a loop loads register pairs (LDRD), a second row has the same loop with two LDR
in place of each, as the model of the Cortex-M7 issues two LDR, but not an LDRD, with arithmetic.

llvm-mca: apt-get install llvm-19 (44 MB), which no other part of Edge needs. Version 14, which
comes with Debian's emscripten, models the Cortex-M7, but not the Cortex-M55.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from edge import resources
from edge.cli.tables import print_table
from edge.errors import EdgeError, fail
from edge.target import load_target
from edge.toolchains import commands, find_toolchain

_TURNS = 100
_TRIPLE = {"cortex-m7": "thumbv7em-none-eabihf", "cortex-m55": "thumbv8.1m.main-none-eabihf"}
_LEAST_VERSION = {"cortex-m7": 14, "cortex-m55": 19}
_NEWEST = 30

_HALVES = {"smlad": 2, "smlabt": 1, "smlatb": 1}
# vmlava is how LLVM prints vmladava
_VECTOR = {"vmlava.s8": 16}
_WINDOW = {"vmlava.s8": 9}  # 3x3 taps in a vector of 16


@dataclass(frozen=True)
class Loop:
    """The innermost loop of a function; `macs`: what each of its products is worth."""

    file: str
    function: str
    core: str
    macs: Mapping[str, int]


LOOPS = (
    Loop("dsp/dot_4x2.S", "edge_dsp_dot_4x2_pair_once", "cortex-m7", _HALVES),
    Loop("dsp/dot_4x2.S", "edge_dsp_dot_4x2_wide_once", "cortex-m7", _HALVES),
    Loop("dsp/dot_1x2.S", "edge_dsp_dot_1x2_pair_once", "cortex-m7", _HALVES),
    Loop("dsp/linear_1x4.S", "edge_dsp_linear_1x4_wide_once", "cortex-m7", _HALVES),
    Loop("dsp/linear_1x4.S", "edge_dsp_linear_1x4_narrow_once", "cortex-m7", _HALVES),
    Loop("dsp/depthwise_3x3.S", "edge_dsp_depthwise_3x3_s1_once", "cortex-m7", _HALVES),
    Loop("dsp/depthwise_3x3.S", "edge_dsp_depthwise_3x3_s2_once", "cortex-m7", _HALVES),
    Loop("dsp/depthwise_1x4.S", "edge_dsp_depthwise_1x4_once", "cortex-m7", _HALVES),
    Loop("mve/dot_2x4.S", "edge_mve_dot_2x4_once", "cortex-m55", _VECTOR),
    Loop("mve/dot_1x4.S", "edge_mve_dot_1x4_once", "cortex-m55", _VECTOR),
    Loop("mve/depthwise_2x4.S", "edge_mve_depthwise_2x4_once", "cortex-m55", _WINDOW),
)


@dataclass(frozen=True)
class Row:
    """A loop, and instructions and modelled cycles a multiply-accumulate."""

    loop: str
    core: str
    loads: str
    instructions_per_mac: float
    cycles_per_mac: float


@dataclass(frozen=True)
class Tools:
    """llvm-mca and llvm-objdump of one version."""

    mca: str
    objdump: str
    version: int


def find_tools() -> Tools:
    """The newest llvm-mca and its llvm-objdump. Raises EdgeError (E0403) if there is none."""
    for suffix in (*(f"-{version}" for version in range(_NEWEST, 10, -1)), ""):
        mca, objdump = (shutil.which(f"{tool}{suffix}") for tool in ("llvm-mca", "llvm-objdump"))
        if mca and objdump:
            version = re.search(r"LLVM version (\d+)", _output([mca, "--version"]))
            return Tools(mca, objdump, int(version[1]) if version else 0)
    raise fail("E0403", "llvm-mca is not installed", help=["apt-get install llvm-19"])


def rows_of(loop: Loop, tools: Tools) -> list[Row]:
    """The loop as it is and, where it has LDRD, with LDR instead.

    Raises EdgeError (E0403) if the tools are too old to model the core.
    """
    if tools.version < _LEAST_VERSION[loop.core]:
        raise fail(
            "E0403",
            f"llvm-mca {tools.version} does not model {loop.core}",
            help=[f"apt-get install llvm-{_LEAST_VERSION[loop.core]}"],
        )
    body = loop_body(disassembly(loop, tools), loop.macs)
    variants = {"as written": body}
    if any(line.startswith("ldrd") for line in body):
        variants["LDR for LDRD"] = split_loads(body)
    name = loop.function.removeprefix("edge_")
    products = work(body, loop.macs)
    return [
        Row(name, loop.core, loads, round(len(lines) / products, 3),
            round(cycles(lines, loop.core, tools) / products, 3))
        for loads, lines in variants.items()
    ]  # fmt: skip


def mnemonic(line: str) -> str:
    """The instruction without its encoding: "bne" of "bne.w 0x10"."""
    return line.split()[0].removesuffix(".w").removesuffix(".n")


def disassembly(loop: Loop, tools: Tools) -> list[tuple[int, str]]:
    """Address and text of each instruction of the loop's function."""
    target = load_target(loop.core)
    compiler = find_toolchain(None, target)
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "kernel.o"
        flags = commands.compile_flags(target, compiler.name, board=False)
        source = resources.path(f"runtime/kernels/{loop.file}")
        _output([*compiler.command, *flags, "-c", str(source), "-o", str(made)])
        select = [f"--disassemble-symbols={loop.function}", f"--triple={_TRIPLE[loop.core]}"]
        features = [f"--mcpu={loop.core}", "-d", "--no-show-raw-insn"]
        text = _output([tools.objdump, *features, *select, str(made)])
    found = re.findall(r"^\s*([0-9a-f]+):\s+(\S.*)$", text, re.MULTILINE)
    return [(int(address, 16), _plain(line)) for address, line in found]


def _plain(line: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"[@<].*", "", line)).strip()


def loop_body(code: Sequence[tuple[int, str]], macs: Mapping[str, int]) -> list[str]:
    """The loop without loops in it that does the most work; its last line is the branch back."""
    ends = [(start, at) for at, line in code if (start := _target(line)) is not None and start < at]
    inner = [
        (start, end) for start, end in ends if not any(start <= other < end for _, other in ends)
    ]
    bodies = [[text for at, text in code if start <= at <= end] for start, end in inner]
    return max(bodies, key=lambda body: work(body, macs))


def _target(line: str) -> int | None:
    """Where a conditional branch or the end of a low-overhead loop goes."""
    found = re.match(r"(?:b\w\w|le|letp)(?:\.\w)? .*?0x([0-9a-f]+)$", line)
    return int(found[1], 16) if found and not line.startswith(("bic", "bfi", "bfc")) else None


def work(body: Sequence[str], macs: Mapping[str, int]) -> int:
    """Multiply-accumulates of one turn."""
    return sum(macs.get(mnemonic(line), 0) for line in body)


def split_loads(body: Sequence[str]) -> list[str]:
    """Two LDR for each LDRD; the one that changes the base comes last."""
    pattern = re.compile(r"ldrd (\w+), (\w+), \[(\w+)(?:, #(-?\w+))?\](?:, #(-?\w+))?")
    lines = []
    for line in body:
        pair = pattern.fullmatch(line)
        if not pair:
            lines.append(line)
            continue
        low, high, base, offset, step = pair.groups()
        start = int(offset or "0", 0)
        first = f"ldr {low}, [{base}], #{step}" if step else f"ldr {low}, [{base}, #{start}]"
        lines += [f"ldr {high}, [{base}, #{start + 4}]", first]
    return lines


def cycles(body: Sequence[str], core: str, tools: Tools) -> float:
    """Modelled cycles of one turn. A loop end that the core predicts (LE) takes none."""
    lines = [_modelled(line) for line in body if mnemonic(line) not in ("le", "letp")]
    text = "\n".join([".syntax unified", ".thumb", "0:", *lines, ""])
    features = ["-mattr=+mve"] if core == "cortex-m55" else []
    command = [tools.mca, f"-mtriple={_TRIPLE[core]}", f"-mcpu={core}", f"-iterations={_TURNS}"]
    total = re.search(r"Total Cycles:\s+(\d+)", _output([*command, *features], text))
    if not total:
        raise fail("E0404", f"{tools.mca} printed no cycles")
    return int(total[1]) / _TURNS


def _modelled(line: str) -> str:
    """Branches go back to the start; llvm-mca 19 fails on `.w` of post-indexed loads."""
    line = re.sub(r"^(b\w\w)(?:\.\w)? .*", r"\1 0b", line)
    return re.sub(r"^(ldr|str)\w?\.w( .*\],)", r"\1\2", line)


def _output(command: Sequence[str], text: str | None = None) -> str:
    done = subprocess.run(
        command, input=text, capture_output=True, text=True, timeout=300, check=False
    )
    if done.returncode:
        raise fail("E0404", f"{command[0]} failed", notes=done.stderr.splitlines()[-5:])
    return done.stdout


def main() -> None:
    """Print the table, or one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", action="store_true")
    as_json = parser.parse_args().json
    try:
        tools = find_tools()
    except EdgeError as error:
        sys.exit(str(error))
    rows = []
    for loop in LOOPS:
        try:
            rows += rows_of(loop, tools)
        except EdgeError as error:
            print(f"{loop.function}: {error}", file=sys.stderr)
    if as_json:
        print(json.dumps({"llvm": tools.version, "loops": [asdict(row) for row in rows]}))
        return
    columns = ("loop", "core", "loads", "instructions per MAC", "modelled cycles per MAC")
    print_table(columns, [tuple(asdict(row).values()) for row in rows])
    print(f"llvm-mca {tools.version}: a model, not a measurement")


if __name__ == "__main__":
    main()
