"""Bytes of a linked program, read from its section headers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edge.toolchains.build import Program


@dataclass(frozen=True)
class Sizes:
    """Bytes of a program. Flash holds code, constants and the image of data; RAM data and bss.

    `stack_region` is what the linker script reserves for the stack; it is part of no other field.
    """

    code: int
    constants: int
    data: int
    bss: int
    stack_region: int

    @property
    def flash(self) -> int:
        return self.code + self.constants + self.data

    @property
    def static_ram(self) -> int:
        return self.data + self.bss


_FIELDS = {
    ".vectors": "code",
    ".text": "code",
    ".rodata": "constants",
    ".data": "data",
    ".data.rel.ro": "data",  # constants with addresses, of libraries
    ".bss": "bss",
    ".stack": "stack_region",
}


def sizes(program: Program) -> Sizes:
    """Sizes of a program. Of a wasm module all but the data section counts as code."""
    if program.path.suffix == ".wasm":
        return _module_sizes(program.path.read_bytes())
    totals = dict.fromkeys(_FIELDS.values(), 0)
    for name, size in _sections(program.path):
        if name in _FIELDS:
            totals[_FIELDS[name]] += size
    return Sizes(**totals)


_WASM_HEADER_BYTES = 8
_WASM_DATA_SECTION = 11


def _module_sizes(module: bytes) -> Sizes:
    """Sections of a module follow one another: id, size as LEB128, content."""
    at, constants = _WASM_HEADER_BYTES, 0
    while at < len(module):
        section = module[at]
        size, start = _unsigned_leb128(module, at + 1)
        constants += size if section == _WASM_DATA_SECTION else 0
        at = start + size
    return Sizes(len(module) - constants, constants, 0, 0, 0)


def _unsigned_leb128(content: bytes, at: int) -> tuple[int, int]:
    """The number at an offset and the offset behind it."""
    value = shift = 0
    while True:
        byte = content[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def _sections(path: Path) -> list[tuple[str, int]]:
    from elftools.elf.elffile import ELFFile

    with path.open("rb") as stream:
        return [
            (section.name, int(section["sh_size"])) for section in ELFFile(stream).iter_sections()
        ]


def function_symbols(path: Path) -> list[tuple[int, int, str]]:
    """(address, bytes, name) of each function of an ELF program, Thumb bit cleared."""
    from elftools.elf.elffile import ELFFile
    from elftools.elf.sections import SymbolTableSection

    with path.open("rb") as stream:
        table = ELFFile(stream).get_section_by_name(".symtab")
        found = table.iter_symbols() if isinstance(table, SymbolTableSection) else ()
        return [
            (int(symbol["st_value"]) & ~1, int(symbol["st_size"]), str(symbol.name))
            for symbol in found
            if symbol["st_info"]["type"] == "STT_FUNC"
        ]
