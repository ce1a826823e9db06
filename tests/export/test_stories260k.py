"""stories260K on devices: 200 tokens, each the one of the numpy reference."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from edge.frontends import Model
from edge.reference import run_batch
from edge.workflow.bench import bench
from edge.workflow.export import export
from edge.workflow.generate import OWN, generate
from edge.workflow.language import LanguageSettings, language_model
from edge.workflow.prepare import prepare
from tests.models.stories260k import FOLDER, needs_stories

pytestmark = needs_stories
TOKENS = 200


@pytest.fixture(scope="module")
def model() -> Model:
    return language_model(FOLDER / "stories260K.bin", LanguageSettings())


@pytest.fixture(scope="module")
def expected(model: Model) -> list[int]:
    chosen = run_batch(prepare(model.graph), [np.full(TOKENS, OWN, np.int32)])[0]
    return chosen.reshape(-1).tolist()


def exported(model: Model, target: str, out: Path) -> Path:
    export(model, target, out)
    return out


def test_the_host_writes_a_story(model: Model, expected: list[int], tmp_path: Path) -> None:
    made = generate(exported(model, "host", tmp_path / "out"), "", TOKENS)
    assert list(made.ids) == expected
    assert made.text.startswith("Once upon a time, there was a little")


@pytest.mark.skipif(
    not shutil.which("qemu-system-arm"), reason="needs qemu: apt-get install qemu-system-arm"
)
def test_cortex_m7_writes_the_same_within_its_budget(
    model: Model, expected: list[int], tmp_path: Path
) -> None:
    out = exported(model, "cortex-m7", tmp_path / "out")
    made = generate(out, "", TOKENS)
    sizes = bench(out)
    assert list(made.ids) == expected
    assert made.instructions is not None
    assert max(made.instructions) <= 600_000
    assert sizes.ram["total"] <= 64 << 10
    assert sizes.flash["total"] <= 305_000


@pytest.mark.skipif(not shutil.which("chromium"), reason="needs chromium: apt-get install chromium")
def test_chromium_writes_the_same(model: Model, expected: list[int], tmp_path: Path) -> None:
    out = exported(model, "wasm32", tmp_path / "out")
    made = generate(out, "", TOKENS, on="browser")
    assert (made.runner, list(made.ids)) == ("browser", expected)
