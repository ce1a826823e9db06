"""The MLPerf Tiny models on the emulated Cortex-M55 board, with both compilers: LiteRT's golden
outputs, in less RAM and far fewer instructions than TensorFlow Lite Micro with CMSIS-NN takes."""

from __future__ import annotations

import shutil
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import edge
from edge.workflow.bench import Benchmark
from tests.models.mlperf_tiny import FILES, golden, needed

pytestmark = [
    needed,
    pytest.mark.skipif(
        not shutil.which("qemu-system-arm"), reason="needs apt-get install qemu-system-arm"
    ),
]

# TensorFlow Lite Micro 90b983c2 + CMSIS-NN, gcc 12.2 -O3: instructions of one inference.
PEER = {"vww": 6_433_952, "kws": 1_785_905, "resnet": 4_812_148, "ad": 285_474}
RATIO = {"vww": 0.25, "kws": 0.47, "resnet": 0.47, "ad": 0.18}
RAM = {"vww": 40_000, "kws": 11_000, "resnet": 35_500, "ad": 1_800}
COMPILERS = [
    "zig",
    pytest.param(
        "gcc",
        marks=pytest.mark.skipif(
            not shutil.which("arm-none-eabi-gcc"),
            reason="needs apt-get install gcc-arm-none-eabi",
        ),
    ),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory):
    """Exports a model once for each way of rounding and budget."""
    root = tmp_path_factory.mktemp("mve-mlperf-tiny")

    @cache
    def exported(model: str, rounding: str | None = None, sram: str | None = None) -> Path:
        out = root / f"{model}-{rounding}-{sram}"
        edge.export(FILES[model], "cortex-m55", out, rounding=rounding, sram=sram, progress=False)
        return out

    return exported


@cache
def measured(out: Path, compiler: str = "zig") -> Benchmark:
    return edge.bench(out, toolchain=compiler)


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("model", FILES)
def test_golden_outputs_of_litert(folder, model: str, compiler: str) -> None:
    (outputs,) = edge.run(folder(model), [golden(model, "in")], toolchain=compiler)
    expected = golden(model, "out_litert_ref")
    np.testing.assert_array_equal(outputs.reshape(expected.shape), expected)


@pytest.mark.parametrize("model", FILES)
def test_golden_outputs_in_the_least_memory(folder, model: str) -> None:
    (outputs,) = edge.run(folder(model, sram="min"), [golden(model, "in")[:3]])
    expected = golden(model, "out_litert_ref")[:3]
    np.testing.assert_array_equal(outputs.reshape(expected.shape), expected)


def test_ad_with_double_rounding_equals_tensorflow_lite_micro(folder) -> None:
    expected = golden("ad", "out_tflm_ref").reshape(-1, 640)
    (outputs,) = edge.run(folder("ad", "tflm"), [golden("ad", "in")[: len(expected)]])
    np.testing.assert_array_equal(outputs.reshape(expected.shape), expected)


@pytest.mark.parametrize("model", FILES)
def test_single_rounding_equals_the_host(folder, model: str, tmp_path: Path) -> None:
    inputs = golden(model, "in")[:3]
    host = tmp_path / "host"
    edge.export(FILES[model], "host", host, rounding="single", progress=False)
    (expected,) = edge.run(host, [inputs])
    (outputs,) = edge.run(folder(model, "single"), [inputs])
    np.testing.assert_array_equal(outputs, expected)


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("model", FILES)
def test_instructions_stay_in_their_bounds(folder, model: str, compiler: str) -> None:
    found = measured(folder(model), compiler)
    assert found.instructions is not None
    assert found.instructions <= RATIO[model] * PEER[model]


@pytest.mark.parametrize("model", FILES)
def test_ram_is_as_planned(folder, model: str) -> None:
    found = measured(folder(model))
    assert found.arena_watermark == found.ram["arena"]
    assert found.ram["static"] == 0
    assert found.ram["total"] <= RAM[model]
