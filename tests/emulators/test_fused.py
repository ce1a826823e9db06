"""Joined and streamed plans on the emulated board: the same bits in the memory that was promised,
at hardly more instructions."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import edge
from edge.planning.lifetimes import aligned
from edge.workflow.bench import Benchmark
from edge.workflow.export import Exported
from tests.models.mlperf_tiny import FILES, golden, needed
from tests.planning import nets

pytestmark = [
    needed,
    pytest.mark.skipif(
        not shutil.which("qemu-system-arm"), reason="needs apt-get install qemu-system-arm"
    ),
]

# Bytes of RAM in all on Cortex-M7: arena, static data and painted stack.
RAM = {
    "arena": {"vww": 31_000, "kws": 7_500, "resnet": 19_000, "ad": 1_800},
    "rows": {"vww": 17_000, "kws": 7_200, "resnet": 16_500},
}
# Instructions against the same kernels layer by layer; rows of kws are 5 pixels wide.
MOST = {"vww": 1.05, "kws": 1.10, "resnet": 1.05, "ad": 1.0}
FORMS = [(form, model) for form, bars in RAM.items() for model in bars]
forms = pytest.mark.parametrize(("form", "model"), FORMS)

Export = Callable[..., Exported]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Export:
    """Exports a model once for each way to plan its memory."""
    root = tmp_path_factory.mktemp("fused")

    @cache
    def export(model: str, form: str, sram: str | None = "min") -> Exported:
        out = root / f"{model}-{form}-{sram}"
        settings = {"input": form, "sram": sram, "progress": False}
        return edge.export(FILES[model], "cortex-m7", out, **settings)

    return export


@cache
def measured(out: Path) -> Benchmark:
    return edge.bench(out)


@forms
def test_golden_outputs_of_litert(exported: Export, form: str, model: str) -> None:
    (outputs,) = edge.run(exported(model, form).out, [golden(model, "in")])
    expected = golden(model, "out_litert_ref")
    np.testing.assert_array_equal(outputs.reshape(expected.shape), expected)


@forms
def test_ram_stays_in_its_bounds_and_is_predicted_to_the_byte(
    exported: Export, form: str, model: str
) -> None:
    """The arena is a number of whole words, of which a tensor may leave up to 3 bytes unused."""
    project = exported(model, form)
    found = measured(project.out)
    assert found.ram["total"] <= RAM[form][model]
    assert found.arena_watermark is not None
    assert aligned(found.arena_watermark) == found.ram["arena"] == project.plan.arena
    steps = len(project.plan.stages[0].steps)
    assert found.ram["static"] == (aligned(4 + 2 * steps) if form == "rows" else 0)


@forms
def test_joining_costs_few_instructions(exported: Export, form: str, model: str) -> None:
    joined = measured(exported(model, form).out).instructions
    plain = measured(exported(model, "arena", None).out).instructions
    assert joined is not None
    assert plain is not None
    assert joined <= MOST[model] * plain


@pytest.mark.parametrize("form", ["arena", "rows"])
def test_stages_add_up_to_the_whole(exported: Export, form: str) -> None:
    found = measured(exported("vww", form).out)
    assert found.instructions is not None
    assert sum(layer["instructions"] for layer in found.layers) <= found.instructions * 1.01


def test_budget_is_met_with_fewer_joins_than_the_smallest_arena_takes(exported: Export) -> None:
    joins = {}
    for sram in ("24K", "20K", "min"):
        project = exported("resnet", "rows", sram)
        joins[sram] = sum(len(stage.steps) - 1 for stage in project.plan.stages)
        assert edge.verify(project.out, samples=2).ok
    assert joins["24K"] < joins["20K"] <= joins["min"]


@pytest.mark.parametrize(("form", "ram"), [("arena", 56_000), ("rows", 31_500)])
def test_mcunet_fits_and_equals_the_reference(tmp_path: Path, form: str, ram: int) -> None:
    edge.export(nets.mcunet(), "cortex-m7", tmp_path / "net", input=form, sram="min")
    assert edge.verify(tmp_path / "net", samples=2).ok
    assert edge.bench(tmp_path / "net").ram["total"] <= ram


def test_golden_outputs_of_a_streamed_plan_for_the_host(tmp_path: Path) -> None:
    edge.export(FILES["kws"], "host", tmp_path / "kws", input="rows", sram="min", progress=False)
    (outputs,) = edge.run(tmp_path / "kws", [golden("kws", "in")])
    expected = golden("kws", "out_litert_ref")
    np.testing.assert_array_equal(outputs.reshape(expected.shape), expected)
