"""Runs models as WebAssembly under wasmtime, in this process: a module cannot leave its sandbox."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from edge.errors import fail
from edge.ir.types import Array
from edge.runners.known_answer import MODULE, ONCE, A, C, must_ask, refusal
from edge.runners.result import Bytes, Result, outputs_of, samples_of
from edge.target import Target
from edge.toolchains import Program

_PATTERNS = (0xA5, 0x5A)
_FUEL = 10**15


@dataclass(frozen=True)
class WasmRunner:
    """Runs programs of the wasm32 target. Its count is fuel: about one a WebAssembly operator."""

    target: Target
    name: str = "wasmtime"

    def run(self, program: Program, inputs: Sequence[Array], *, count: bool = False) -> Result:
        """Run every sample.

        Raises EdgeError: E0014 wrong sizes, E0403 no wasmtime, E0405 no fused multiply-add, E0510
        trap.
        """
        wasmtime = _wasmtime()
        samples = samples_of(program.project, inputs)
        if must_ask(program) and not _fuses(wasmtime):
            raise refusal("wasmtime")
        try:
            module = _Module(wasmtime, program)
            watermark = max(module.touched(samples[0], pattern) for pattern in _PATTERNS)
            fuel = module.fuel(samples[0]) if count else []
            module.reset()
            outputs = b"".join(module.run(sample) for sample in samples)
            stateful = count and program.project.has_states
            each = tuple(module.fuel_of_each(samples)) if stateful else None
        except wasmtime.Trap as trap:
            raise fail("E0510", f"{program.project.name} trapped", notes=[str(trap)]) from trap
        return Result(
            outputs_of(program.project, outputs, len(samples)),
            instructions=sum(fuel) if count else None,
            stage_instructions=tuple(fuel[1:]) if count and program.profile else None,
            sample_instructions=each,
            arena_watermark=watermark,
        )


class _Module:
    """An instance of a model's module: its functions and memory."""

    def __init__(self, wasmtime: Any, program: Program) -> None:
        config = wasmtime.Config()
        config.consume_fuel = True
        self._store = wasmtime.Store(wasmtime.Engine(config))
        self._store.set_fuel(_FUEL)
        self._marks: list[int] = []
        linker = wasmtime.Linker(self._store.engine)
        linker.define_func("edge", "mark", wasmtime.FuncType([], []), self._mark)
        module = wasmtime.Module.from_file(self._store.engine, str(program.path))
        self._exports = linker.instantiate(self._store, module).exports(self._store)
        self._project = program.project

    def _mark(self) -> None:
        self._marks.append(self._store.get_fuel())

    def fuel(self, sample: Bytes) -> list[int]:
        """Fuel from the call to the first stage, then of each stage of a profile program."""
        self.reset()
        self._load(sample)
        self._marks.clear()
        self._mark()
        self._call("invoke")
        self._mark()
        return [before - after for before, after in pairwise(self._marks)]

    def fuel_of_each(self, samples: Bytes) -> Iterator[int]:
        """Fuel of each call of a sequence."""
        self.reset()
        for sample in samples:
            self._load(sample)
            before = self._store.get_fuel()
            self._call("invoke")
            yield before - self._store.get_fuel()

    def reset(self) -> None:
        if self._project.has_states:
            self._call("reset")

    def run(self, sample: Bytes) -> bytes:
        """The bytes of all outputs."""
        self._load(sample)
        self._call("invoke")
        return b"".join(
            self._read(self._call("output", index), size)
            for index, size in enumerate(self._project.outputs)
        )

    def _load(self, sample: Bytes) -> None:
        start = 0
        for index, size in enumerate(self._project.inputs):
            self._write(self._call("input", index), sample[start : start + size].tobytes())
            start += size

    def touched(self, sample: Bytes, pattern: int) -> int:
        """One past the highest byte of the arena that no longer holds the pattern after a run."""
        arena = self._exports[f"{self._project.name}_arena"].value(self._store)
        self._write(arena, bytes([pattern]) * self._project.arena)
        self.reset()
        self.run(sample)
        return len(self._read(arena, self._project.arena).rstrip(bytes([pattern])))

    def _call(self, function: str, *arguments: int) -> Any:
        return self._exports[f"{self._project.name}_{function}"](self._store, *arguments)

    def _read(self, address: int, size: int) -> bytes:
        return bytes(self._exports["memory"].read(self._store, address, address + size))

    def _write(self, address: int, content: bytes) -> None:
        self._exports["memory"].write(self._store, content, address)


def _fuses(wasmtime: Any) -> bool:
    store = wasmtime.Store(wasmtime.Engine())
    module = wasmtime.Module(store.engine, MODULE)
    function = wasmtime.Instance(store, module, []).exports(store)["f"]
    return bool(function(store, A, A, C) == ONCE)


def _wasmtime() -> Any:
    try:
        import wasmtime
    except ImportError as error:
        raise fail("E0403", "wasmtime is not installed", help=["pip install wasmtime"]) from error
    return wasmtime
