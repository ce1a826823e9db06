"""The MLPerf Tiny models give LiteRT's golden outputs on every further target, with both
compilers; MobileNet-v1 with dot products stays within its instructions."""

from __future__ import annotations

from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
import pytest

import edge
from tests.bench.mobilenet_v1 import measure
from tests.emulators.installed import need
from tests.models.mlperf_tiny import FILES, golden, needed

SAMPLES = 4  # emulated, a ResNet takes 200 million instructions for one on Cortex-M0+
BUILDS = [
    *product(("cortex-m0plus", "cortex-m33", "aarch64-dotprod", "armv7a"), FILES, ("zig", "gcc")),
    *product(("android-arm64",), FILES, ("zig",)),
    *product(("aarch64", "aarch64-i8mm", "android-arm64-dotprod"), ("kws",), ("gcc",)),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory):
    """Exports a model for a target once."""
    root = tmp_path_factory.mktemp("targets")

    @cache
    def exported(model: str, target: str) -> Path:
        out = root / f"{model}-{target}"
        edge.export(FILES[model], target, out, progress=False)
        return out

    return exported


@needed
@pytest.mark.parametrize(("target", "model", "compiler"), BUILDS)
def test_golden_outputs_of_litert(folder, model: str, target: str, compiler: str) -> None:
    need(target, compiler)
    inputs = golden(model, "in")[:SAMPLES]
    expected = golden(model, "out_litert_ref")[: len(inputs)]
    (outputs,) = edge.run(folder(model, target), [inputs], toolchain=compiler)
    np.testing.assert_array_equal(outputs.reshape(expected.shape), expected)


@needed
@pytest.mark.parametrize("target", ["cortex-m0plus", "cortex-m33"])
def test_the_plan_predicts_ram_to_the_byte(folder, target: str) -> None:
    need(target, "zig")
    found = edge.bench(folder("kws", target))
    assert found.arena_watermark == found.ram["arena"]
    assert found.ram["static"] == 0
    assert found.instructions is not None


def test_mobilenet_v1_with_dot_products_stays_within_its_instructions() -> None:
    need("aarch64-dotprod", "zig")
    found = measure("aarch64-dotprod", "zig")
    assert found["mismatches"] == 0
    assert found["per_mac"]["pointwise"] <= 0.16
    assert found["per_mac"]["whole"] <= 0.25
