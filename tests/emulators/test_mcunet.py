"""MCUNet-5FPS: the published network, its golden values, and the RAM it takes when fused."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import edge
from edge.ir.types import Array
from edge.reference import run
from tests.models.mcunet import FOLDER, mcunet, needed

pytestmark = needed

RAM = {"arena": 56_000, "rows": 31_500}


def golden_image() -> Array:
    """The image of the model's README: the high bytes of a linear congruential generator."""
    state, made = 1, np.empty(128 * 128 * 3, np.uint8)
    for index in range(made.size):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        made[index] = state >> 24
    return made.view(np.int8).reshape(1, 128, 128, 3)


def test_values_are_those_of_the_published_network() -> None:
    """`single` rounding may differ by one step from round-to-nearest, here in 6 of 160 features."""
    golden = json.loads((FOLDER / "golden.json").read_text())["nearest"]
    values = run(mcunet(), [golden_image()], values=True)
    for name in ("first_conv", "blocks_0_pointwise2"):
        expected = golden[name.replace("blocks_", "block").removesuffix("_pointwise2")]
        assert hashlib.sha256(values[f"{name}_out"].tobytes()).hexdigest() == expected
    difference = values["pool_out"].reshape(-1).astype(int) - np.array(golden["features"])
    assert np.abs(difference).max() <= 1
    assert np.count_nonzero(difference) <= 8
    assert values["classifier_out"].argmax() == golden["class"]


@pytest.mark.slow
@pytest.mark.skipif(
    not shutil.which("qemu-system-arm"), reason="needs apt-get install qemu-system-arm"
)
@pytest.mark.parametrize("form", RAM)
def test_fused_it_runs_in_a_third_of_tinyengines_memory(tmp_path: Path, form: str) -> None:
    """TinyEngine's arena for this network is 163,840 bytes."""
    edge.export(mcunet(), "cortex-m7", tmp_path / "net", sram="min", input=form, progress=False)
    assert edge.verify(tmp_path / "net", samples=2).mismatches == 0
    measured = edge.bench(tmp_path / "net")
    assert measured.ram["total"] <= RAM[form]
    assert measured.arena_watermark == measured.ram["arena"]
