"""What holds for every C source of the runtime, checked by compilers and object files."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from edge import resources

from . import host

RUNTIME = resources.path("runtime")
KERNELS = RUNTIME / "kernels"
INCLUDE = f"-I{RUNTIME / 'include'}"
ARM = ["arm-none-eabi-gcc", "-mcpu=cortex-m4", "-mthumb"]
WASM = [*host.zig_cc(), "--target=wasm32-freestanding"]

needs_gcc = pytest.mark.skipif(not shutil.which("gcc"), reason="needs gcc: apt-get install gcc")
needs_arm = pytest.mark.skipif(
    not shutil.which(ARM[0]), reason="needs arm-none-eabi-gcc: apt-get install gcc-arm-none-eabi"
)
compilers = pytest.mark.parametrize(
    "compiler",
    [
        pytest.param(["gcc"], id="gcc", marks=needs_gcc),
        pytest.param(host.zig_cc(), id="zig"),
        pytest.param(ARM, id="arm-gcc", marks=needs_arm),
    ],
)


def _succeeds(command: list[str], cwd: Path | None = None) -> None:
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd)
    assert result.returncode == 0, result.stderr


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ELFFile]:
    """The object file of each ref kernel by name, compiled for a machine without libc."""
    folder = tmp_path_factory.mktemp("objects")
    command = [*host.host_compiler(), "-std=c99", "-O2", "-ffreestanding", INCLUDE, "-c"]
    if command[0] != "gcc":
        command.append("--target=x86_64-linux-musl")
    for source in host.ref_sources():
        _succeeds([*command, str(source)], cwd=folder)
    return {path.stem: ELFFile(path.open("rb")) for path in folder.glob("*.o")}


def _symbols(elf: ELFFile, defined: bool) -> set[str]:
    """Names of global symbols that the object defines, or asks for."""
    tables = (s for s in elf.iter_sections() if isinstance(s, SymbolTableSection))
    return {
        symbol.name
        for table in tables
        for symbol in table.iter_symbols()
        if symbol["st_info"]["bind"] == "STB_GLOBAL"
        and (symbol["st_shndx"] != "SHN_UNDEF") == defined
    }


def _prototypes() -> set[tuple[str, str]]:
    """(folder, name) of each kernel in kernels.h."""
    text = (RUNTIME / "include/edge/kernels.h").read_text()
    return set(re.findall(r"^edge_kernel edge_([a-z0-9]+)_(\w+);$", text, re.MULTILINE))


def test_each_file_defines_one_kernel_named_as_the_file(objects: dict[str, ELFFile]) -> None:
    defined = {name: _symbols(elf, defined=True) for name, elf in objects.items()}
    assert defined == {path.stem: {f"edge_ref_{path.stem}"} for path in host.ref_sources()}


def test_kernels_ask_for_nothing_but_memcpy_and_memset(objects: dict[str, ELFFile]) -> None:
    wanted = set().union(*(_symbols(elf, defined=False) for elf in objects.values()))
    assert wanted - {"", "_GLOBAL_OFFSET_TABLE_"} <= {"memcpy", "memset"}


def test_kernels_keep_no_state(objects: dict[str, ELFFile]) -> None:
    writable = {
        (name, section.name)
        for name, elf in objects.items()
        for section in elf.iter_sections()
        if section.name.startswith((".data", ".bss")) and section["sh_size"]
        if ".rel.ro" not in section.name
    }
    assert not writable


def test_every_kernel_has_a_prototype_and_every_prototype_a_kernel() -> None:
    prototypes = _prototypes()
    files = {(path.parent.name, path.stem) for path in KERNELS.glob("*/*.[cS]")}
    assert {("ref", path.stem) for path in host.ref_sources()} <= prototypes
    assert prototypes <= files


@compilers
def test_sources_compile_without_warnings(compiler: list[str], tmp_path: Path) -> None:
    sources = [*host.ref_sources(), RUNTIME / "tests/freestanding.c"]
    flags = ["-std=c99", "-O2", "-ffp-contract=off", *host.WARNINGS, INCLUDE, "-c"]
    _succeeds([*compiler, *flags, *map(str, sources)], cwd=tmp_path)


@compilers
def test_every_header_compiles_alone(compiler: list[str], tmp_path: Path) -> None:
    headers = sorted((RUNTIME / "include/edge").glob("*.h"))
    for header in headers:
        text = f'#include "edge/{header.name}"\ntypedef int not_empty;\n'
        (tmp_path / f"{header.stem}.c").write_text(text)
    alone = [f"{header.stem}.c" for header in headers]
    _succeeds([*compiler, "-std=c99", *host.WARNINGS, INCLUDE, "-c", *alone], cwd=tmp_path)


@pytest.mark.parametrize(
    ("compiler", "last"),
    [
        pytest.param(["gcc", "-static", "-fno-stack-protector"], [], id="gcc", marks=needs_gcc),
        pytest.param(ARM, ["-lgcc"], id="arm-gcc", marks=needs_arm),
        pytest.param(WASM, [], id="wasm"),
    ],
)
def test_kernels_link_without_a_library(
    compiler: list[str], last: list[str], tmp_path: Path
) -> None:
    sources = [RUNTIME / "tests/freestanding.c", *host.ref_sources()]
    flags = ["-std=c99", "-O2", "-ffreestanding", "-nostdlib", INCLUDE]
    out = str(tmp_path / "freestanding")
    _succeeds([*compiler, *flags, *map(str, sources), *last, "-o", out])


def test_sources_are_formatted() -> None:
    formatter = Path(sys.executable).with_name("clang-format")
    if not formatter.exists():
        pytest.skip("needs clang-format: pip install 'edge-nn[dev]'")
    sources = sorted(map(str, RUNTIME.glob("**/*.[ch]")))
    _succeeds([str(formatter), "--dry-run", "--Werror", *sources])


def test_sources_state_their_license() -> None:
    sources = (*RUNTIME.glob("**/*.[chS]"),)
    unmarked = [p.name for p in sources if "SPDX-License-Identifier" not in p.read_text()[:200]]
    assert not unmarked


def test_runtime_builds_and_passes_its_own_tests(tmp_path: Path) -> None:
    if not (shutil.which("cmake") and shutil.which("cc")):
        pytest.skip("needs cmake and a C compiler: apt-get install cmake gcc")
    build = str(tmp_path / "build")
    _succeeds(["cmake", "-S", str(RUNTIME), "-B", build, "-DEDGE_SANITIZE=ON", "-DEDGE_DEBUG=ON"])
    _succeeds(["cmake", "--build", build])
    _succeeds(["ctest", "--test-dir", build, "--output-on-failure"])
