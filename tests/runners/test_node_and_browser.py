"""WebAssembly in Node and in headless Chromium."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edge.errors import EdgeError
from edge.runners import Result, browser, runner_for, runners
from edge.target import load_target
from edge.toolchains import build, find_toolchain

Write = Callable[..., Path]
SAMPLES = (np.arange(4000, dtype=np.int64) % 256 - 128).astype(np.int8).reshape(1000, 4)
SPIN = "for (volatile int i = 0; i < {}; i++) {{ }}\n"


needs_node = pytest.mark.skipif(
    not shutil.which("node"), reason="needs node: apt-get install nodejs"
)


@pytest.fixture(
    params=[
        pytest.param("node", marks=needs_node),
        pytest.param(
            "browser",
            marks=pytest.mark.skipif(
                not shutil.which("chromium"), reason="needs chromium: apt-get install chromium"
            ),
        ),
    ]
)
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def _run(folder: Path, name: str, *inputs: np.ndarray, **options: bool) -> Result:
    runner = runner_for(load_target("wasm32"), name)
    profile = options.pop("profile", False)
    toolchain = find_toolchain("zig", runner.target)
    return runner.run(build(folder, runner.target, toolchain, profile=profile), inputs, **options)


def test_all_samples_go_through_the_model(project: Write, engine: str) -> None:
    result = _run(project(), engine, SAMPLES)
    np.testing.assert_array_equal(result.outputs[0].view(np.int8), (2 * SAMPLES).astype(np.int8))
    assert result.time_us is None
    assert result.instructions is None


def test_the_watermark_is_exact(project: Write, engine: str) -> None:
    code = "void tiny_invoke(void) { tiny_arena[51] = 0xA5; }\n"
    assert _run(project(code), engine, SAMPLES[:1]).arena_watermark == 52


def test_a_profile_build_times_each_stage(project: Write, engine: str) -> None:
    body = f"EDGE_LAYER(0);\n{SPIN.format(10_000)}EDGE_LAYER(1);\n{SPIN.format(1_000_000)}"
    folder = project(f"void tiny_invoke(void) {{\n{body}}}\n")
    result = _run(folder, engine, SAMPLES[:1], count=True, profile=True)
    assert result.stage_time_us is not None
    assert result.time_us is not None
    first, second = result.stage_time_us
    assert 0 < first < second / 5
    assert second < 3 * result.time_us


def test_short_runs_are_timed_below_the_tick_of_the_clock(project: Write, engine: str) -> None:
    result = _run(project(), engine, SAMPLES[:1], count=True)
    assert result.time_us is not None
    assert 0 < result.time_us < 50


def test_a_trap_is_reported(project: Write, engine: str) -> None:
    code = "void tiny_invoke(void) { __builtin_trap(); }\n"
    with pytest.raises(EdgeError, match=r"E0510[\s\S]*unreachable"):
        _run(project(code), engine, SAMPLES[:1])


def test_a_model_that_does_not_end_is_stopped(project: Write, engine: str) -> None:
    loop = 'void tiny_invoke(void) { for (;;) { __asm__ volatile(""); } }\n'
    runner = runner_for(load_target("wasm32"), engine)
    program = build(project(loop), runner.target, find_toolchain("zig", runner.target))
    with pytest.raises(EdgeError, match=r"E0404.*stopped after 2 s"):
        type(runner)(runner.target, timeout_s=2).run(program, [SAMPLES[:1]])


@needs_node
def test_an_engine_without_simd_is_named(
    project: Write, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    old = tmp_path / "node"
    old.write_text(f'#!/bin/sh\nexec {shutil.which("node")} --no-enable-sse4-1 "$@"\n')
    old.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EdgeError, match=r"E0405[\s\S]*no WebAssembly SIMD[\s\S]*wasm32-scalar"):
        _run(project(), "node", SAMPLES[:1])


@pytest.mark.parametrize(
    ("name", "package"), [("node", "nodejs"), ("browser", "chromium")], ids=["node", "browser"]
)
def test_a_missing_engine_names_its_package(
    project: Write, name: str, package: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = project()
    runner = runner_for(load_target("wasm32"), name)
    program = build(folder, runner.target, find_toolchain("zig", runner.target))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EdgeError, match=rf"E0403[\s\S]*apt-get install {package}"):
        runner.run(program, [SAMPLES[:1]])


def test_wasm_targets_offer_all_engines_for_their_own_modules() -> None:
    for name in ("wasm32", "wasm32-scalar"):
        target = load_target(name)
        assert runners(target) == ["wasmtime", "node", "browser", "host"]
        for engine in ("wasmtime", "node", "browser"):
            assert runner_for(target, engine).target == target


@pytest.mark.skipif(not shutil.which("chromium"), reason="needs chromium: apt-get install chromium")
def test_a_browser_without_simd_is_named(project: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    flags = (*browser.FLAGS, "--js-flags=--no-enable-sse4-1")
    monkeypatch.setattr(browser, "FLAGS", flags)
    with pytest.raises(EdgeError, match=r"E0405[\s\S]*Chromium has no WebAssembly SIMD"):
        _run(project(), "browser", SAMPLES[:1])
