"""The export folder: complete, deterministic, atomic, and read back by the other commands."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import edge
from edge.errors import EdgeError
from edge.ir import Rounding, to_text
from edge.ir.types import INTEGER_ROUNDINGS
from edge.reference import run_batch
from edge.report.page import plan_of
from edge.workflow.export import Exported, export
from edge.workflow.project import open_project
from tests.models.int8_nets import Net, residual_net


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file() and "build" not in path.parts)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_the_folder_has_everything_a_build_needs(exported: Exported) -> None:
    files = contents(exported.out)
    plan = json.loads(files["plan.json"])
    assert {"residual_net.h", "residual_net.c", "CMakeLists.txt", "README.md"} <= set(files)
    assert all(source in files for source in plan["sources"])


def test_only_kernels_in_use_are_copied(exported: Exported) -> None:
    plan = json.loads((exported.out / "plan.json").read_text())
    used = {layer["kernel"] for layer in plan["layers"]} - {"alias"}
    copied = {path.stem for path in (exported.out / "edge" / "kernels").rglob("*_*.c")}
    assert copied == {kernel.partition("/")[2] for kernel in used}


def test_two_exports_are_byte_identical(tmp_path: Path) -> None:
    for name in "ab":
        export(residual_net(), "cortex-m7", tmp_path / name)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


@pytest.mark.parametrize("rounding", INTEGER_ROUNDINGS)
def test_host_program_equals_the_reference(tmp_path: Path, rounding: Rounding) -> None:
    export(residual_net(rounding), "host", tmp_path / "net")
    assert edge.verify(tmp_path / "net", samples=8).mismatches == 0


@pytest.mark.parametrize("target", ["host", "cortex-m7"])
def test_a_model_may_be_called_model(tmp_path: Path, target: str) -> None:
    export(residual_net(), target, tmp_path / "net", name="model")
    assert edge.verify(tmp_path / "net").mismatches == 0


def test_the_generated_project_is_clean_under_strict_warnings(exported: Exported) -> None:
    flags = [
        "-std=c99",
        "-Wall",
        "-Wextra",
        "-Wconversion",
        "-Wpedantic",
        "-Werror",
        "-Wno-overlength-strings",
    ]
    project = open_project(exported.out)
    includes = [f"-I{exported.out}", f"-I{exported.out}/edge/include", f"-I{exported.out}/test"]
    compilers = [c for c in (["gcc"], ["clang"]) if shutil.which(c[0])]
    assert compilers
    for compiler in compilers:
        for source in [*project.plan["sources"], "test/verify_main.c"]:
            command = [*compiler, *flags, *includes, "-fsyntax-only", exported.out / source]
            subprocess.run(command, check=True, timeout=60)


@pytest.mark.skipif(not shutil.which("cmake"), reason="needs cmake: apt-get install cmake")
def test_cmake_builds_the_folder_and_its_vectors_pass(exported: Exported, tmp_path: Path) -> None:
    build = tmp_path / "build"
    for command in (
        ["cmake", "-S", exported.out, "-B", build],
        ["cmake", "--build", build],
        ["ctest", "--test-dir", build, "--output-on-failure"],
    ):
        subprocess.run(command, check=True, capture_output=True, timeout=120)


def test_the_graph_and_the_plan_read_back(exported: Exported) -> None:
    project = open_project(exported.out)
    assert to_text(project.graph) == to_text(exported.graph)
    assert plan_of(project) == exported.plan


def test_stored_vectors_hold_the_reference_outputs(exported: Exported) -> None:
    project = open_project(exported.out)
    (expected,) = run_batch(project.graph, project.stored_inputs())
    text = (exported.out / "test/vectors.h").read_text()
    listed = text.partition("vector_outputs")[2].partition("{")[2].partition("}")[0]
    assert [int(v) for v in listed.split(",") if v.strip()] == expected.reshape(-1).tolist()


def test_a_foreign_folder_is_not_overwritten_without_force(out: Path) -> None:
    out.mkdir()
    (out / "thesis.txt").write_text("mine")
    with pytest.raises(EdgeError, match="E0004"):
        export(residual_net(), "host", out)
    assert contents(out) == {"thesis.txt": b"mine"}
    export(residual_net(), "host", out, force=True)
    assert "plan.json" in contents(out)


def test_a_failed_export_leaves_the_old_folder_untouched(out: Path) -> None:
    export(residual_net(), "cortex-m7", out)
    before = contents(out)
    with pytest.raises(EdgeError, match="E0301"):
        export(residual_net(), "cortex-m7", out, sram="1K")
    assert contents(out) == before
    assert [path.name for path in out.parent.iterdir()] == ["out"]


def test_a_model_that_does_not_fit_is_refused_before_anything_is_written(out: Path) -> None:
    with pytest.raises(EdgeError, match="E0302") as error:
        export(residual_net(), "cortex-m7", out, flash="2K")
    assert error.value.exit_status == 1
    assert not out.exists()


def test_check_writes_nothing_and_needs_no_compiler(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "")
    assert edge.check(residual_net(), "cortex-m7")["fits"] is True
    verdict = edge.check(residual_net(), "cortex-m7", sram="1K")
    assert verdict["fits"] is False
    assert [d.code for d in verdict["diagnostics"]] == ["E0301"]
    assert not list(tmp_path.iterdir())


def test_run_takes_flat_rows_and_floats(exported: Exported) -> None:
    rng = np.random.default_rng(1)
    shape = exported.graph.type("x").shape[1:]
    stored = rng.integers(-128, 128, (3, *shape)).astype(np.int8)
    scale, zero = 0.05, 3
    real = (stored.astype(np.float32) - zero) * np.float32(scale)
    (expected,) = edge.run(exported.out, [stored])
    for data in (stored.reshape(3, -1), real, real.reshape(3, -1), real.transpose(0, 3, 1, 2)):
        assert np.array_equal(edge.run(exported.out, [data])[0], expected)
    (floats,) = edge.run(exported.out, [stored], dequantized=True)
    assert np.allclose(floats, (expected.astype(np.float32) + 128) / 256)


@pytest.mark.parametrize(
    "data",
    [
        np.zeros((2, 7), np.int8),
        np.zeros((0, 12, 11, 3), np.int8),
        np.zeros((1, 12, 11, 3), np.int64),
        np.full((1, 12, 11, 3), np.nan, np.float32),
    ],
    ids=["shape", "empty", "dtype", "nan"],
)
def test_run_refuses_inputs_that_do_not_fit(exported: Exported, data: np.ndarray) -> None:
    with pytest.raises(EdgeError, match="E0005"):
        edge.run(exported.out, [data])


def test_bench_on_the_host_gives_time_but_no_instructions(exported: Exported) -> None:
    measured = edge.bench(exported.out)
    assert measured.instructions is None
    assert measured.time_us is not None
    assert measured.time_us > 0
    assert len(measured.layers) == len(exported.graph.nodes)


def test_a_mismatch_is_found_and_placed(out: Path) -> None:
    export(residual_net(), "host", out)
    source = out / "residual_net_weights.c"
    spoiled = source.read_text().replace("_conv2d_0_bias[8] EDGE_ALIGN(4) = {\n    ", "\\0", 1)
    head, _, tail = spoiled.partition("\\0")
    source.write_text(f"{head}_conv2d_0_bias[8] EDGE_ALIGN(4) = {{\n    1{tail}")
    verification = edge.verify(out)
    assert not verification.ok
    assert verification.diagnostics[0].code == "E0501"
    assert "got" in verification.diagnostics[0].where


def test_a_model_with_a_constant_operand_and_a_broadcast(out: Path) -> None:
    net = Net(1, 4, 5, 6)
    x = net.last
    table = net.weight("scale", (1, 1, 1, 6), 0)
    net.values[table] = type(net.values[table])(
        table,
        type(net.values[x].type)((1, 1, 1, 6), net.values[x].type.dtype,
                                 net.values[x].type.quantization),
        net.values[table].data,
    )  # fmt: skip
    net.add("mul", x, table, scale=0.3)
    net.add("mean", attrs={"axes": (1, 2)}, scale=0.1)
    net.add("mul", x, net.last, scale=0.3)
    export(net.graph(), "host", out)
    assert edge.verify(out).mismatches == 0
