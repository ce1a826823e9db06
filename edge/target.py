"""Targets: what a folder of targets/ says about a CPU, its memory and how its programs are run."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edge import resources
from edge.errors import EdgeError, fail

_UNITS = {"K": 1024, "M": 1024 * 1024}


@dataclass(frozen=True)
class Memory:
    """A memory region: first address and bytes."""

    origin: int
    length: int


@dataclass(frozen=True)
class Target:
    """A CPU with its memory. Sizes are bytes.

    `kernels` are folders of runtime/kernels, best first. `board` is the folder of targets/ with
    the sources around a model (start-up, runner main), "" where there are none. `macros` are
    feature macros that the compiler must define, `flags` its flags, per toolchain. `flash` and
    `sram` are None where memory has no budget (host), `vectors` where the vector table starts
    flash. `stack` is what is reserved for the stack, `alignment` the arena's. `baseline` names the
    target whose programs take the place of this one's where an engine lacks its instructions, ""
    where there is none; `builtins` are compiler builtins without which its kernels cannot be built.
    """

    name: str
    cpu: str
    isa: tuple[str, ...]
    kernels: tuple[str, ...]
    board: str
    macros: tuple[str, ...]
    flags: Mapping[str, tuple[str, ...]]
    flash: Memory | None
    sram: Memory | None
    emulator: str
    machine: str
    stack: int
    alignment: int
    vectors: Memory | None = None
    baseline: str = ""
    builtins: tuple[str, ...] = ()

    def with_memory(
        self, *, sram: int | str | None = None, flash: int | str | None = None
    ) -> Target:
        """The same target with other sizes ("256K", "1M" or bytes); None keeps the size.

        Raises EdgeError (E0012) for a malformed size or a target without memory regions.
        """
        return replace(
            self,
            sram=_resized(self, "sram", self.sram, sram),
            flash=_resized(self, "flash", self.flash, flash),
        )


def _resized(
    target: Target, which: str, memory: Memory | None, size: int | str | None
) -> Memory | None:
    if size is None:
        return memory
    if memory is None:
        raise fail("E0012", f"target {target.name} has no {which} whose size could be set")
    return replace(memory, length=parse_size(size, which))


def parse_size(size: int | str, where: str) -> int:
    """Bytes of 4096, "4096", "4K" or "1M". Raises EdgeError (E0012) for anything else."""
    if isinstance(size, int) and not isinstance(size, bool):
        value = size
    else:
        text = str(size).strip().upper()
        unit = _UNITS.get(text[-1:], 1)
        digits = text[:-1] if unit > 1 else text
        value = int(digits) * unit if digits.isascii() and digits.isdigit() else 0
    if value <= 0:
        raise fail("E0012", f"{size!r} is not a size", where, help=["write 4096, 256K or 1M"])
    return value


def targets() -> list[str]:
    """Names of the targets there are, sorted."""
    return sorted(file.parent.name for file in resources.path("targets").glob("*/target.toml"))


def load_target(name: str) -> Target:
    """The target of that name.

    Raises EdgeError: E0010 for an unknown name, E0011 or E0012 for a damaged target.toml.
    """
    known = targets()
    if name not in known:
        near = difflib.get_close_matches(name, known, 1)
        hint = [f"did you mean {near[0]}?"] if near else []
        raise fail(
            "E0010", f"unknown target {name!r}", help=[*hint, f"known targets: {', '.join(known)}"]
        )
    return parse_target(_read(name, ()), f"targets/{name}/target.toml")


def _read(name: str, seen: tuple[str, ...]) -> dict[str, Any]:
    """target.toml as a table, laid over the one it extends."""
    where = f"targets/{name}/target.toml"
    if name in seen:
        raise fail("E0011", f"targets extend each other: {' -> '.join((*seen, name))}", where)
    table = _parsed(resources.path(where), where)
    base = table.pop("extends", None)
    if base is None:
        return table
    if base not in targets():
        raise fail("E0011", f"extends unknown target {base!r}", f"{where}: extends")
    return _laid_over(_read(base, (*seen, name)), table)


def _parsed(file: Path, where: str) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise fail("E0011", f"not TOML: {error}", where) from error


def _laid_over(base: dict[str, Any], top: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in top.items():
        both_tables = isinstance(value, dict) and isinstance(base.get(key), dict)
        merged[key] = _laid_over(base[key], value) if both_tables else value
    return merged


def parse_target(table: Mapping[str, Any], where: str) -> Target:
    """A Target from the content of a target.toml; `where` names the file in errors.

    Raises EdgeError (E0011, E0012) with the path of the offending key.
    """
    top = _Section(table, where)
    flags, memory = top.section("flags"), top.section("memory")
    run, limits = top.section("run"), top.section("limits")
    target = Target(
        name=top.text("name"),
        cpu=top.text("cpu"),
        isa=top.texts("isa"),
        kernels=top.texts("kernels"),
        board=top.text("board", ""),
        macros=top.texts("macros", ()),
        flags={toolchain: flags.texts(toolchain) for toolchain in flags.table},
        flash=_memory(memory, "flash"),
        sram=_memory(memory, "sram"),
        emulator=run.text("emulator", ""),
        machine=run.text("machine", ""),
        stack=limits.size("stack"),
        alignment=limits.size("alignment"),
        vectors=_memory(memory, "vectors"),
        builtins=top.texts("builtins", ()),
        baseline=run.text("baseline", ""),
    )
    for section in (top, flags, memory, run, limits):
        section.refuse_unknown()
    return target


def _memory(section: _Section, key: str) -> Memory | None:
    if key not in section.table:
        return None
    region = section.section(key)
    memory = Memory(region.address("origin"), region.size("length"))
    region.refuse_unknown()
    return memory


class _Section:
    """A TOML table that gives typed values and knows which of its keys nobody asked for."""

    def __init__(self, table: Mapping[str, Any], path: str) -> None:
        self.table, self._path, self._asked = table, path, set[str]()

    def _get(self, key: str, kind: type, default: Any = None) -> Any:
        self._asked.add(key)
        value = self.table.get(key, default)
        if not isinstance(value, kind) or isinstance(value, bool):
            found = f"found {value!r}" if key in self.table else "it is missing"
            raise self._bad(key, f"{key} must be {_KINDS[kind]}, {found}")
        return value

    def _bad(self, key: str, title: str) -> EdgeError:
        separator = ": " if self._path.endswith(".toml") else "."
        return fail("E0011", title, f"{self._path}{separator}{key}")

    def text(self, key: str, default: str | None = None) -> str:
        return str(self._get(key, str, default))

    def texts(self, key: str, default: tuple[str, ...] | None = None) -> tuple[str, ...]:
        if key not in self.table and default is not None:
            self._asked.add(key)
            return default
        values = self._get(key, list)
        if not all(isinstance(value, str) for value in values):
            raise self._bad(key, f"{key} must be a list of texts, found {values!r}")
        return tuple(values)

    def address(self, key: str) -> int:
        return int(self._get(key, int))

    def size(self, key: str) -> int:
        return parse_size(self._get(key, object), f"{self._path}.{key}")

    def section(self, key: str) -> _Section:
        separator = ": " if self._path.endswith(".toml") else "."
        return _Section(self._get(key, dict, {}), f"{self._path}{separator}{key}")

    def refuse_unknown(self) -> None:
        unknown = sorted(set(self.table) - self._asked)
        if unknown:
            near = difflib.get_close_matches(unknown[0], sorted(self._asked), 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise self._bad(unknown[0], f"unknown key {unknown[0]}{hint}")


_KINDS = {str: "a text", list: "a list of texts", int: "an integer", dict: "a table", object: "set"}
