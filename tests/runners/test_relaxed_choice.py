"""Relaxed modules: which engines run them, and what the others run in their place."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import edge
from edge.errors import EdgeError
from edge.runners import runner_for
from edge.runners.relaxed_product import MODULE, RESULT
from edge.target import load_target
from edge.toolchains import build, find_toolchain
from edge.workflow.project import open_project
from edge.workflow.workbench import Workbench


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small network with 7-bit activations, for wasm32-relaxed."""
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 16, 3, stride=2, padding=1),
        nn.Hardswish(), nn.Conv2d(16, 9, 1), nn.Flatten(), nn.Linear(9 * 16, 5),
    ).eval()  # fmt: skip
    rows = np.random.default_rng(0).standard_normal((32, 1, 8, 8)).astype(np.float32)
    int8 = edge.quantize(
        (module, (torch.zeros(1, 1, 8, 8),)), rows, activation_bits=7, progress=False
    )
    out = tmp_path_factory.mktemp("relaxed") / "net"
    edge.export(int8, "wasm32-relaxed", out, progress=False)
    return out


def test_convolutions_and_linear_layers_behind_the_first_take_relaxed_kernels(
    exported: Path,
) -> None:
    layers = open_project(exported).plan["layers"]
    assert [layer["kernel"] for layer in layers if "conv" in layer["kernel"]] == [
        "simd128/conv2d_s8", "relaxed/conv2d_s8", "relaxed/pointwise_conv2d_s8",
        "relaxed/pointwise_conv2d_s8",
    ]  # fmt: skip
    assert open_project(exported).report["model"]["activation_bits"] == 7


@pytest.mark.parametrize("on", ["wasmtime", "browser", "host"])
def test_engines_with_relaxed_simd_compute_the_bits_of_the_reference(
    exported: Path, on: str
) -> None:
    if on == "browser" and not shutil.which("chromium"):
        pytest.skip("apt-get install chromium")
    verified = edge.verify(exported, on=on)
    assert verified.mismatches == 0
    assert not verified.diagnostics


def _old_node() -> str:
    node = shutil.which("node")
    if node is None:
        pytest.skip("apt-get install nodejs")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True)
    if int(version.stdout[1:].partition(".")[0]) >= 21:
        pytest.skip("this Node has relaxed SIMD: Debian's nodejs (18 or 20) has not")
    return node


def test_an_engine_without_takes_the_module_of_the_baseline(exported: Path) -> None:
    _old_node()
    bench = Workbench(open_project(exported), "node")
    program = bench.program()
    assert program.baseline is not None
    inputs = bench.project.stored_inputs()
    found = bench.run(program, inputs)
    wanted = Workbench(open_project(exported), "wasmtime")
    expected = wanted.run(wanted.program(), inputs)
    np.testing.assert_array_equal(found.outputs[0], expected.outputs[0])
    (warning,) = found.diagnostics
    assert (warning.code, warning.severity) == ("E0405", "warning")


def test_without_a_baseline_the_error_says_what_would_work(exported: Path) -> None:
    _old_node()
    target = load_target("wasm32-relaxed")
    program = build(exported, target, find_toolchain("zig", target))
    assert program.baseline is None
    with pytest.raises(EdgeError, match=r"E0405[\s\S]*relaxed[\s\S]*-t wasm32 makes"):
        runner_for(target, "node").run(program, open_project(exported).stored_inputs())


def test_the_known_product_comes_out_in_wasmtime() -> None:
    wasmtime = pytest.importorskip("wasmtime", reason="pip install wasmtime")
    store = wasmtime.Store(wasmtime.Engine())
    instance = wasmtime.Instance(store, wasmtime.Module(store.engine, MODULE), [])
    assert instance.exports(store)["f"](store) == RESULT


def test_the_known_product_finds_an_engine_that_validates_but_adds_wrongly(tmp_path: Path) -> None:
    """Node 20 under its flag, in code that is not optimized yet."""
    node = _old_node()
    probe = tmp_path / "probe.wasm"
    probe.write_bytes(MODULE)
    script = (
        "const b = require('fs').readFileSync(process.argv[1]);"
        "console.log(WebAssembly.validate(b),"
        " new WebAssembly.Instance(new WebAssembly.Module(b)).exports.f())"
    )
    command = [node, "--experimental-wasm-relaxed-simd", "-e", script, str(probe)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        pytest.skip("this Node does not know the flag")
    valid, result = done.stdout.split()
    assert (valid, int(result) == RESULT) == ("true", False)


def test_a_compiler_without_the_product_is_called_too_old(exported: Path) -> None:
    if not shutil.which("emcc"):
        pytest.skip("apt-get install emscripten")
    target = load_target("wasm32-relaxed")
    missing = replace(target, builtins=("__builtin_wasm_of_the_future",))
    with pytest.raises(EdgeError, match=r"E0402[\s\S]*too old for wasm32-relaxed"):
        build(exported, missing, find_toolchain("emscripten", missing))
