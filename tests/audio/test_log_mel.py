"""The front end against a float log-mel, and its C against numpy on every kind of target."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from apps.mcu import firmware
from edge.audio import SCALE, CompiledLogMel, LogMel, write_c
from edge.errors import EdgeError
from edge.target import load_target
from edge.toolchains import commands, find_toolchain
from edge.toolchains.sources import ProjectSources

HERE = Path(__file__).parent
RATE = 16_000
SANITIZED = ("-O1", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-fsanitize=undefined",
             "-fsanitize-trap=undefined")  # fmt: skip
FRONT_ENDS = [
    LogMel(),
    LogMel(hop=160, bands=26, low=100),
    LogMel(hop=512),
    LogMel(window=128, hop=80, bands=8, low=0, high=8000),
]
PROTOTYPE_INSTRUCTIONS = 69_500  # of a row, with a radix-2 transform


def sounds() -> npt.NDArray[np.int16]:
    """Half a second each of: tones in noise from full scale to the last bits, sweeps, and what
    drives the arithmetic to its ends."""
    rng = np.random.default_rng(5)
    time = np.arange(RATE // 2) / RATE
    hertz = rng.uniform(80, 7000, (24, 1)) * (1 + time * rng.uniform(-1, 1, (24, 1)))
    loud = 10 ** rng.uniform(0.5, 4.4, (24, 1))
    tones = loud * np.sin(2 * np.pi * hertz * time) + rng.normal(0, 2, hertz.shape)
    square = 32767 * np.sign(np.sin(2 * np.pi * 440 * time))
    alternating = np.where(np.arange(len(time)) % 2, 32767.0, -32768.0)
    ends = [np.zeros_like(time), np.full_like(time, -32768), alternating, square,
            rng.integers(0, 2, len(time)) * 65535.0 - 32768]  # fmt: skip
    return np.concatenate([tones, ends]).round().clip(-32768, 32767).astype(np.int16)


def voiced() -> npt.NDArray[np.int16]:
    """Half a second each of pulses at a voice's pitch in coloured noise, loud to very quiet."""
    rng = np.random.default_rng(6)
    spectrum = np.fft.rfft(rng.normal(size=(24, RATE // 2)))
    spectrum /= np.sqrt(np.arange(spectrum.shape[1]) + 50)
    noise = np.fft.irfft(spectrum)
    pulses = np.zeros_like(noise)
    for row in pulses:
        row[:: rng.integers(60, 200)] = 1
    mixed = noise / noise.std() + 8 * pulses
    return np.round(mixed * 10 ** rng.uniform(0, 3.4, (24, 1))).clip(-32768, 32767).astype(np.int16)


def float_features(
    front_end: LogMel, samples: npt.NDArray[np.int16], weight_steps: float = 1e9
) -> npt.NDArray[Any]:
    """log2(1 + energy of the bands) with numpy's transform and HTK's triangles, in float64.

    `weight_steps` rounds the triangles to 1 / weight_steps.
    """
    window, hop = front_end.window, front_end.hop
    padded = np.pad(samples.astype(float), ((0, 0), (window - hop, 0)))
    starts = np.arange(samples.shape[1] // hop)[:, None] * hop
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
    power = np.abs(np.fft.rfft(padded[:, starts + np.arange(window)] * hann)) ** 2
    mel = np.linspace(*(2595 * np.log10(1 + f / 700) for f in (front_end.low, front_end.high)),
                      front_end.bands + 2)  # fmt: skip
    edges = 700 * (10 ** (mel / 2595) - 1)
    hertz = np.arange(window // 2 + 1) * front_end.rate / window
    rising = (hertz - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - hertz) / (edges[2:] - edges[1:-1])[:, None]
    triangles = np.maximum(0, np.minimum(rising, falling))
    return np.log2(1 + power @ (np.round(triangles * weight_steps) / weight_steps).T)


def steps(logs: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Logarithms as features that are not limited to int8's precision before rounding."""
    return np.floor((logs - 21) / SCALE + 0.5).clip(-128, 127)


@pytest.mark.parametrize("front_end", FRONT_ENDS, ids=str)
def test_features_of_a_voice_are_within_a_step_of_a_float_log_mel(front_end: LogMel) -> None:
    samples = voiced()
    features, wanted = front_end.features(samples), steps(float_features(front_end, samples))
    assert np.abs(features - wanted).max() <= 1
    assert np.mean(features != wanted) < 0.06


@pytest.mark.parametrize("front_end", FRONT_ENDS, ids=str)
def test_pure_tones_leak_no_further_than_rounded_triangles_let_them(front_end: LogMel) -> None:
    samples = sounds()
    wanted = steps(float_features(front_end, samples, weight_steps=256))
    assert np.abs(front_end.features(samples) - wanted).max() <= 1


@pytest.mark.parametrize("front_end", FRONT_ENDS, ids=str)
def test_c_computes_the_bits_of_numpy_without_undefined_behaviour(front_end: LogMel) -> None:
    samples = sounds()
    compiled = CompiledLogMel(front_end, SANITIZED)
    np.testing.assert_array_equal(compiled.features(samples), front_end.features(samples))


def test_pushed_hops_give_the_rows_of_the_whole() -> None:
    front_end, samples = LogMel(), sounds()[3]
    tail, rows = np.zeros(front_end.window - front_end.hop, np.int64), []
    for start in range(0, len(samples), front_end.hop):
        tail, row = front_end.push(tail, samples[start : start + front_end.hop])
        rows.append(row)
    np.testing.assert_array_equal(np.stack(rows), front_end.features(samples))


def test_silence_is_the_lowest_feature_and_full_scale_leaves_room() -> None:
    front_end = LogMel()
    assert (front_end.features(np.zeros(RATE, np.int16)) == -84).all()
    assert front_end.features(sounds()).max() < 127


@pytest.mark.parametrize("target", ["cortex-m4", "cortex-m7", "cortex-m55"])
def test_firmware_computes_the_bits_of_numpy(target: str, tmp_path: Path) -> None:
    if not shutil.which("qemu-system-arm"):
        pytest.skip("needs qemu-system-arm (apt-get install qemu-system-arm)")
    front_end, samples = LogMel(), sounds()[::4].reshape(-1)
    board = load_target(target)
    files = (*write_c(front_end, tmp_path), HERE / "rows_main.c")
    program = firmware.link(
        ProjectSources(tmp_path, "rows", (), (), (), 0), firmware.Sources(files, (tmp_path,)),
        board, find_toolchain(None, board), tmp_path / "build",
    )  # fmt: skip
    run = firmware.run(program, {"audio.bin": samples.tobytes()}, count=True, keep="rows.bin")
    rows = np.frombuffer(run.kept, np.int8).reshape(-1, front_end.bands)
    np.testing.assert_array_equal(rows, front_end.features(samples))
    assert max(run.instructions[::2]) < PROTOTYPE_INSTRUCTIONS / 1.9


def test_webassembly_computes_the_bits_of_numpy(tmp_path: Path) -> None:
    wasmtime = pytest.importorskip("wasmtime", reason="needs wasmtime (pip install wasmtime)")
    front_end, samples = LogMel(), sounds()[::4].reshape(-1)
    store = wasmtime.Store()
    module = wasmtime.Module(store.engine, _module(front_end, tmp_path).read_bytes())
    exports = wasmtime.Instance(store, module, []).exports(store)
    memory, hop, row = exports["memory"], exports["hop"](store), exports["row"](store)
    rows = []
    for start in range(0, len(samples), front_end.hop):
        memory.write(store, samples[start : start + front_end.hop].tobytes(), hop)
        exports["push"](store)
        rows.append(np.frombuffer(memory.read(store, row, row + front_end.bands), np.int8))
    np.testing.assert_array_equal(np.stack(rows), front_end.features(samples))


def _module(front_end: LogMel, folder: Path) -> Path:
    target = load_target("wasm32")
    toolchain = find_toolchain(None, target)
    before, after = commands.link_flags(target, toolchain.name, ("hop", "row", "push"))
    memory = [path for path in commands.board_sources(target) if path.name == "memory.c"]
    sources = [*write_c(front_end, folder), HERE / "rows_module.c", *memory]
    includes = [f"-I{folder}", *(f"-isystem{path}" for path in commands.system_folders(target))]
    flags = commands.compile_flags(target, toolchain.name, board=True)
    made = folder / "rows.wasm"
    subprocess.run(
        [*toolchain.command, *flags, *includes, *before, *map(str, sources), *after,
         "-o", str(made)], check=True,
    )  # fmt: skip
    return made


@pytest.mark.parametrize(
    "settings",
    [{"window": 256}, {"hop": 513}, {"hop": 33}, {"hop": 0}, {"bands": 0}, {"low": 9000.0},
     {"high": 9000.0}, {"bands": 200}],
    ids=str,
)  # fmt: skip
def test_settings_outside_the_arithmetic_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(EdgeError, match="E0016"):
        LogMel(**settings)
