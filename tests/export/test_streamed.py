"""Exports that take their input row by row, and exports with the smallest arena."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import edge
from edge.errors import EdgeError
from edge.report.page import plan_of
from edge.workflow.export import Exported, export
from edge.workflow.project import open_project
from tests.export.test_export import contents
from tests.models.int8_nets import residual_net


@pytest.fixture(scope="module")
def streamed(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    out = tmp_path_factory.mktemp("streamed") / "net"
    return export(residual_net(), "host", out, input="rows", sram="min")


def test_program_takes_rows_and_equals_the_reference(streamed: Exported) -> None:
    assert edge.verify(streamed.out, samples=8).mismatches == 0
    assert edge.bench(streamed.out).arena_watermark is not None


def test_arena_is_no_larger_than_with_the_input_in_it(streamed: Exported, tmp_path: Path) -> None:
    resident = export(residual_net(), "host", tmp_path / "resident", sram="min")
    plain = export(residual_net(), "host", tmp_path / "plain")
    assert streamed.plan.arena <= resident.plan.arena < plain.plan.arena


def test_header_offers_rows_instead_of_an_input_buffer(streamed: Exported) -> None:
    header = (streamed.out / "residual_net.h").read_text()
    for function in ("begin(void)", "push_row(const void *row)", "row(void)", "run_rows("):
        assert f"residual_net_{function}" in header
    assert "residual_net_input" not in header
    assert "#define RESIDUAL_NET_INPUT_ROWS 12" in header


def test_the_plan_reads_back(streamed: Exported) -> None:
    assert plan_of(open_project(streamed.out)) == streamed.plan
    report = json.loads((streamed.out / "report.json").read_text())
    assert report["planning"] == {"input": "rows", "smallest": True}


def test_two_exports_are_byte_identical(tmp_path: Path) -> None:
    for name in "ab":
        export(residual_net(), "cortex-m7", tmp_path / name, input="rows", sram="min")
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


@pytest.mark.skipif(not shutil.which("cmake"), reason="needs cmake: apt-get install cmake")
def test_cmake_builds_the_folder_and_its_vectors_pass(streamed: Exported, tmp_path: Path) -> None:
    build = tmp_path / "build"
    for command in (
        ["cmake", "-S", streamed.out, "-B", build],
        ["cmake", "--build", build],
        ["ctest", "--test-dir", build, "--output-on-failure"],
    ):
        subprocess.run(command, check=True, capture_output=True, timeout=120)


def test_another_target_is_verified_with_the_same_form_of_input(tmp_path: Path) -> None:
    export(residual_net(), "cortex-m7", tmp_path / "net", input="rows", sram="min")
    assert edge.verify(tmp_path / "net", on="host").ok
    made = json.loads((tmp_path / "net/build/for-host/plan.json").read_text())
    assert made["input_rows"] == 12


def test_run_takes_whole_samples(streamed: Exported) -> None:
    rng = np.random.default_rng(1)
    shape = streamed.graph.type("x").shape[1:]
    data = rng.integers(-128, 128, (3, *shape)).astype(np.int8)
    (outputs,) = edge.run(streamed.out, [data])
    assert len(outputs) == 3


def test_unknown_form_of_input_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EdgeError, match="E0016"):
        export(residual_net(), "host", tmp_path / "net", input="columns")


def test_refusal_of_sram_names_a_size_that_fits_by_joining(tmp_path: Path) -> None:
    with pytest.raises(EdgeError, match="E0301") as refusal:
        export(residual_net(), "cortex-m7", tmp_path / "net", sram="4500")
    size = refusal.value.diagnostics[0].help[0].split()[-1]
    export(residual_net(), "cortex-m7", tmp_path / "net", sram=size)
