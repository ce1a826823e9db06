"""The MLPerf Tiny models give LiteRT's golden outputs on emulated boards, with both compilers, in
the memory that was promised."""

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

RAM = {"vww": 40_000, "kws": 11_000, "resnet": 35_000, "ad": 2_500}
FLASH = {"vww": 250_000, "kws": 50_000, "resnet": 105_000, "ad": 285_000}
# TensorFlow Lite Micro 90b983c2 + CMSIS-NN, gcc 12.2 -O3: instructions of one inference on M7.
PEER = {"vww": 24_483_680, "kws": 7_761_146, "resnet": 29_938_579, "ad": 582_571}
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
    """Exports a model for a target once."""
    root = tmp_path_factory.mktemp("mlperf-tiny")

    @cache
    def exported(model: str, target: str, rounding: str | None = None) -> Path:
        out = root / f"{model}-{target}-{rounding}"
        edge.export(FILES[model], target, out, rounding=rounding, progress=False)
        return out

    return exported


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("target", ["cortex-m4", "cortex-m7"])
@pytest.mark.parametrize("model", FILES)
def test_golden_outputs_of_litert(folder, model: str, target: str, compiler: str) -> None:
    (outputs,) = edge.run(folder(model, target), [golden(model, "in")], toolchain=compiler)
    expected = golden(model, "out_litert_ref")
    np.testing.assert_array_equal(outputs.reshape(expected.shape), expected)


@pytest.mark.parametrize("model", FILES)
def test_golden_outputs_of_litert_on_the_host(folder, model: str) -> None:
    (outputs,) = edge.run(folder(model, "host"), [golden(model, "in")])
    expected = golden(model, "out_litert_ref")
    np.testing.assert_array_equal(outputs.reshape(expected.shape), expected)


def test_ad_with_double_rounding_equals_tensorflow_lite_micro(folder) -> None:
    expected = golden("ad", "out_tflm_ref").reshape(-1, 640)
    inputs = golden("ad", "in")[: len(expected)]
    for target in ("host", "cortex-m7"):
        (outputs,) = edge.run(folder("ad", target, "tflm"), [inputs])
        np.testing.assert_array_equal(outputs.reshape(expected.shape), expected)


@cache
def measured(out: Path) -> Benchmark:
    return edge.bench(out)


@pytest.mark.parametrize("model", FILES)
def test_ram_and_flash_stay_in_their_bounds(folder, model: str) -> None:
    found = measured(folder(model, "cortex-m7"))
    assert found.ram["total"] <= RAM[model]
    assert found.flash["total"] <= FLASH[model]


@pytest.mark.parametrize("target", ["cortex-m4", "cortex-m7"])
@pytest.mark.parametrize("model", FILES)
def test_the_plan_predicts_ram_to_the_byte(folder, model: str, target: str) -> None:
    found = measured(folder(model, target))
    assert found.arena_watermark == found.ram["arena"]
    assert found.ram["static"] == 0


@pytest.mark.parametrize("model", FILES)
def test_instructions_stay_below_0_6_of_tflm_with_cmsis_nn(folder, model: str) -> None:
    found = measured(folder(model, "cortex-m7"))
    assert found.instructions is not None
    assert found.instructions <= 0.60 * PEER[model]
    stages = sum(layer["instructions"] for layer in found.layers)
    assert stages <= found.instructions * 1.01
