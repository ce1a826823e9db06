"""Checkpoints on a flash model that loses power at every byte."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from edge import resources
from edge.target import load_target
from edge.toolchains.sources import load_sources
from edge.training import scheme
from edge.training.autodiff import differentiate
from edge.training.emit import emit_step
from edge.training.planning import plan_step
from edge.training.tape import Settings
from edge.workflow.project import write_project
from tests.training.networks import bottleneck, image

pytestmark = pytest.mark.skipif(
    not shutil.which("gcc"), reason="needs gcc: apt-get install gcc libc6-dev"
)

SLOT, LINE, MODEL = 192, 32, 0x1234
OK, NONE, OTHER_MODEL, TOO_LARGE, FLASH = range(5)
_SIZES = (37, 64, 3)

_Erase = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_uint32, ctypes.c_uint32)
_Move = ctypes.CFUNCTYPE(
    ctypes.c_int32, ctypes.c_void_p, ctypes.c_uint32, ctypes.c_void_p, ctypes.c_uint32
)


class _Driver(ctypes.Structure):
    _fields_ = (
        ("erase", _Erase), ("write", _Move), ("read", _Move), ("context", ctypes.c_void_p),
        ("slot", ctypes.c_uint32 * 2), ("slot_bytes", ctypes.c_uint32),
    )  # fmt: skip


class _Part(ctypes.Structure):
    _fields_ = (("data", ctypes.c_void_p), ("bytes", ctypes.c_uint32))


class _Checkpoint(ctypes.Structure):
    _fields_ = (
        ("parts", ctypes.POINTER(_Part)), ("count", ctypes.c_uint32), ("model", ctypes.c_uint32)
    )  # fmt: skip


@dataclass
class Flash:
    """Two slots. Power fails after `power` byte operations; bytes can only be cleared of bits.

    `stuck` are bytes that keep their value whatever is done.
    """

    content: bytearray = field(default_factory=lambda: bytearray(b"\xff" * 2 * SLOT))
    power: int | None = None
    stuck: frozenset[int] = frozenset()
    done: int = 0

    def driver(self) -> _Driver:
        slots = (ctypes.c_uint32 * 2)(0, SLOT)
        return _Driver(_Erase(self._erase), _Move(self._write), _Move(self._read), 0, slots, SLOT)

    def _set(self, address: int, value: int) -> bool:
        if self.power is not None and self.done >= self.power:
            return False
        self.done += 1
        if address not in self.stuck:
            self.content[address] = value
        return True

    def _erase(self, context: int, address: int, count: int) -> int:
        assert address in (0, SLOT)
        assert count == SLOT
        return 0 if all(self._set(address + i, 0xFF) for i in range(count)) else 1

    def _write(self, context: int, address: int, source: int, count: int) -> int:
        assert address % LINE == 0
        assert count == LINE
        new = ctypes.string_at(source, count)
        pairs = zip(range(address, address + count), new, strict=True)
        return 0 if all(self._set(at, self.content[at] & byte) for at, byte in pairs) else 1

    def _read(self, context: int, address: int, to: int, count: int) -> int:
        assert address + count <= len(self.content)
        ctypes.memmove(to, bytes(self.content[address : address + count]), count)
        return 0


class Device:
    """A program with some state, on a flash."""

    def __init__(self, library: ctypes.CDLL, flash: Flash, model: int = MODEL) -> None:
        self.library, self.flash = library, flash
        self.state = [np.zeros(size, np.uint8) for size in _SIZES]
        self.driver = flash.driver()
        parts = [_Part(a.ctypes.data, a.size) for a in self.state]
        self.parts = (_Part * len(parts))(*parts)
        self.checkpoint = _Checkpoint(self.parts, len(parts), model)

    def fill(self, seed: int) -> bytes:
        rng = np.random.default_rng(seed)
        for array in self.state:
            array[:] = rng.integers(0, 256, array.size)
        return self.content()

    def content(self) -> bytes:
        return b"".join(a.tobytes() for a in self.state)

    def save(self, step: int) -> int:
        return self.library.edge_checkpoint_save(
            ctypes.byref(self.checkpoint), ctypes.byref(self.driver), ctypes.c_uint32(step)
        )

    def load(self) -> tuple[int, int]:
        """(status, step)."""
        step = ctypes.c_uint32(999)
        status = self.library.edge_checkpoint_load(
            ctypes.byref(self.checkpoint), ctypes.byref(self.driver), ctypes.byref(step)
        )
        return status, step.value


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    runtime = resources.path("runtime")
    made = tmp_path_factory.mktemp("checkpoint") / "checkpoint.so"
    flags = ["-std=c99", "-O1", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-shared", "-fPIC"]
    flags += ["-fsanitize=undefined", "-fsanitize-undefined-trap-on-error"]
    source = runtime / "checkpoint" / "checkpoint.c"
    command = ["gcc", *flags, f"-I{runtime / 'include'}", str(source), "-o", str(made)]
    subprocess.run(command, check=True)
    return ctypes.CDLL(str(made))


@pytest.fixture
def device(library: ctypes.CDLL) -> Callable[..., Device]:
    return lambda flash, model=MODEL: Device(library, flash, model)


def test_an_empty_flash_changes_nothing(device: Callable[..., Device]) -> None:
    fresh = device(Flash())
    before = fresh.fill(1)
    assert fresh.load() == (NONE, 999)
    assert fresh.content() == before


def test_the_newest_state_comes_back(device: Callable[..., Device]) -> None:
    flash = Flash()
    for step in (10, 20, 20, 7):
        writer = device(flash)
        saved = writer.fill(step + flash.done)
        assert writer.save(step) == OK
        reader = device(flash)
        assert reader.load() == (OK, step)
        assert reader.content() == saved


def _cuts(device: Callable[..., Device], before: Flash) -> Iterator[tuple[bytes, bytes, Flash]]:
    """(old state, new state, flash) for power failing at every byte of a save."""
    old = device(before)
    old_state = old.content() if old.load()[0] == OK else b""
    whole = Flash(bytearray(before.content))
    device(whole).save(2)
    for power in range(whole.done + 1):
        flash = Flash(bytearray(before.content), power)
        writer = device(flash)
        new_state = writer.fill(77)
        status = writer.save(2)
        assert (status == OK) == (power >= whole.done)
        yield old_state, new_state, Flash(bytearray(flash.content))


@pytest.mark.parametrize("saves", [0, 1, 2])
def test_power_fails_at_every_byte(saves: int, device: Callable[..., Device]) -> None:
    flash = Flash()
    for index in range(saves):
        writer = device(flash)
        writer.fill(index)
        assert writer.save(1) == OK
    seen: set[bool] = set()
    for old, new, after in _cuts(device, flash):
        reader = device(after)
        untouched = reader.fill(5)
        status, step = reader.load()
        if status == NONE:
            assert not old
            assert reader.content() == untouched
            continue
        assert (reader.content(), step) in ((new, 2), (old, 1))
        seen.add(reader.content() == new)
        assert device(after).save(3) == OK
    assert seen == ({True, False} if saves else {True})


def test_every_flipped_bit_is_found(device: Callable[..., Device]) -> None:
    flash = Flash()
    writer = device(flash)
    saved = writer.fill(3)
    writer.save(4)
    used = LINE + sum(_SIZES)
    for bit in range(8 * used):
        damaged = Flash(bytearray(flash.content))
        damaged.content[bit // 8] ^= 1 << bit % 8
        reader = device(damaged)
        assert reader.load()[0] in (NONE, OTHER_MODEL)
        assert reader.content() != saved


def test_a_worn_slot_leaves_the_old_state(device: Callable[..., Device]) -> None:
    flash = Flash()
    writer = device(flash)
    saved = writer.fill(1)
    assert writer.save(1) == OK
    for at in (SLOT, SLOT + 20, SLOT + LINE, SLOT + LINE + 40):
        worn = Flash(bytearray(flash.content), stuck=frozenset({at}))
        worn.content[at] = 0x00
        other = device(worn)
        other.fill(2)
        assert other.save(2) == FLASH
        reader = device(worn)
        assert reader.load() == (OK, 1)
        assert reader.content() == saved


def test_another_model_is_refused(device: Callable[..., Device]) -> None:
    flash = Flash()
    device(flash).save(1)
    stranger = device(flash, MODEL + 1)
    before = stranger.fill(9)
    assert stranger.load() == (OTHER_MODEL, 999)
    assert stranger.content() == before
    assert stranger.save(5) == OK
    assert stranger.load() == (OK, 5)


def test_a_state_larger_than_a_slot_is_refused(device: Callable[..., Device]) -> None:
    flash = Flash()
    small = device(flash)
    small.driver.slot_bytes = LINE + sum(_SIZES) - 1
    assert small.save(1) == TOO_LARGE
    assert flash.done == 0


def test_the_checksum_is_that_of_zip(device: Callable[..., Device]) -> None:
    flash = Flash()
    writer = device(flash)
    saved = writer.fill(6)
    writer.save(1)
    words = np.frombuffer(bytes(flash.content[:LINE]), np.uint32)
    assert words[6] == zlib.crc32(saved)
    assert words[7] == zlib.crc32(bytes(flash.content[: LINE - 4]))


def test_a_model_saves_and_loads_itself(tmp_path: Path) -> None:
    """Trained, saved, reset, loaded: the next inference is that of the trained model."""
    graph = bottleneck()
    step = differentiate(graph, scheme.full(graph), Settings(learning_rate=1e-2))
    plan = plan_step(step, load_target("host"))
    write_project(tmp_path / "net", emit_step(plan, "host"))
    sources = load_sources(tmp_path / "net")
    made = tmp_path / "net.so"
    includes = [f"-I{path}" for path in sources.include_folders]
    files = [str(sources.path / file) for file in sources.files]
    subprocess.run(
        ["gcc", "-O1", "-shared", "-fPIC", *includes, *files, "-o", str(made)], check=True
    )
    net = ctypes.CDLL(str(made))
    x = image(graph)
    buffer = (ctypes.c_int8 * x.size).from_buffer_copy(x.tobytes())

    def scores() -> bytes:
        out = (ctypes.c_int8 * 5)()
        net.net_run(buffer, out)
        return bytes(out)

    flash = Flash(bytearray(b"\xff" * 2 * SLOT * 16))
    driver = flash.driver()
    driver.slot_bytes, driver.slot[1] = SLOT * 16, SLOT * 16
    driver.erase = _Erase(lambda context, at, count: 0)
    fresh = scores()
    assert net.net_load(ctypes.byref(driver)) == NONE
    for label in (1, 2, 3):
        assert net.net_train_step(buffer, label) == 0
    assert net.net_train_step(buffer, 5) == net.net_train_step(buffer, -1) == 1
    trained = scores()
    assert trained != fresh
    assert net.net_save(ctypes.byref(driver)) == OK
    net.net_reset()
    assert scores() == fresh
    assert net.net_load(ctypes.byref(driver)) == OK
    assert scores() == trained
