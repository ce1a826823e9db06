"""The MLPerf Tiny models as WebAssembly give LiteRT's golden outputs in every engine, from both
compilers, with and without SIMD."""

from __future__ import annotations

import shutil
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import edge
from edge.target import load_target
from edge.toolchains import build, find_toolchain, sizes
from tests.models.mlperf_tiny import FILES, golden, needed

pytestmark = needed

needs_node = pytest.mark.skipif(
    not shutil.which("node"), reason="needs node: apt-get install nodejs"
)
needs_chromium = pytest.mark.skipif(
    not shutil.which("chromium"), reason="needs chromium: apt-get install chromium"
)
needs_emscripten = pytest.mark.skipif(
    not shutil.which("emcc"), reason="needs emcc: apt-get install emscripten"
)
ENGINES = [
    "wasmtime",
    pytest.param("node", marks=needs_node),
    pytest.param("browser", marks=needs_chromium),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory):
    """Exports a model for a target once."""
    root = tmp_path_factory.mktemp("wasm-models")

    @cache
    def exported(model: str, target: str = "wasm32", rounding: str | None = None) -> Path:
        out = root / f"{model}-{target}-{rounding}"
        edge.export(FILES[model], target, out, rounding=rounding, progress=False)
        return out

    return exported


def _equals_golden(out: Path, model: str, engine: str, toolchain: str | None = None) -> None:
    (outputs,) = edge.run(out, [golden(model, "in")], on=engine, toolchain=toolchain)
    expected = golden(model, "out_litert_ref")
    np.testing.assert_array_equal(outputs.reshape(expected.shape), expected)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("model", FILES)
def test_golden_outputs_of_litert(folder, model: str, engine: str) -> None:
    _equals_golden(folder(model), model, engine)


@pytest.mark.parametrize("model", FILES)
def test_golden_outputs_without_simd(folder, model: str) -> None:
    _equals_golden(folder(model, "wasm32-scalar"), model, "wasmtime")


@needs_emscripten
@pytest.mark.parametrize("model", FILES)
def test_golden_outputs_from_emscripten(folder, model: str) -> None:
    _equals_golden(folder(model), model, "wasmtime", "emscripten")


@pytest.mark.parametrize("model", FILES)
def test_other_roundings_equal_numpy(folder, model: str) -> None:
    for rounding in ("single", "tflm"):
        assert edge.verify(folder(model, "wasm32", rounding), samples=2).mismatches == 0


@pytest.mark.parametrize("model", FILES)
def test_every_heavy_layer_has_a_simd_kernel(folder, model: str) -> None:
    layers = edge.bench(folder(model)).layers
    slow = [layer for layer in layers if layer["macs"] and "simd128" not in layer["kernel"]]
    assert slow == []


def test_the_code_of_a_module_is_small(folder) -> None:
    target = load_target("wasm32")
    found = sizes(build(folder("vww"), target, find_toolchain("zig", target)))
    assert found.code <= 40_000
