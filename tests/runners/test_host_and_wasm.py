from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edge.errors import EdgeError
from edge.runners import Result, runner_for, runners
from edge.target import load_target
from edge.toolchains import build, find_toolchain

Write = Callable[..., Path]
SAMPLES = (np.arange(40_000, dtype=np.int64) % 256 - 128).astype(np.int8).reshape(10_000, 4)

BUILDS = [("host", "gcc"), ("host", "zig"), ("wasmtime", "zig")]


def _run(folder: Path, name: str, compiler: str, *inputs: np.ndarray, **options: bool) -> Result:
    runner = runner_for(load_target("cortex-m7"), name)
    if name == "wasmtime":
        pytest.importorskip("wasmtime", reason="pip install wasmtime")
    toolchain = find_toolchain(compiler, runner.target)
    profile = options.pop("profile", False)
    return runner.run(build(folder, runner.target, toolchain, profile=profile), inputs, **options)


@pytest.mark.parametrize(("name", "compiler"), BUILDS)
def test_ten_thousand_samples_go_through_the_model(
    project: Write, name: str, compiler: str
) -> None:
    result = _run(project(), name, compiler, SAMPLES)
    np.testing.assert_array_equal(result.outputs[0].view(np.int8), (2 * SAMPLES).astype(np.int8))


@pytest.mark.parametrize("value", ["0xA5", "0x5A", "0"])
@pytest.mark.parametrize(("name", "compiler"), BUILDS)
def test_watermark_is_exact_whatever_was_written(
    project: Write, name: str, compiler: str, value: str
) -> None:
    code = f"void tiny_invoke(void) {{ tiny_arena[51] = {value}; }}\n"
    assert _run(project(code), name, compiler, SAMPLES[:1]).arena_watermark == 52


@pytest.mark.parametrize("compiler", ["gcc", "zig"])
def test_a_crash_ends_only_the_models_process(project: Write, compiler: str) -> None:
    code = "void tiny_invoke(void) { *(volatile int *)16 = 1; }\n"
    with pytest.raises(EdgeError, match=r"E0510.*SIGSEGV"):
        _run(project(code), "host", compiler, SAMPLES)


def test_a_trap_in_webassembly_is_reported(project: Write) -> None:
    code = "void tiny_invoke(void) { __builtin_trap(); }\n"
    with pytest.raises(EdgeError, match=r"E0510[\s\S]*unreachable"):
        _run(project(code), "wasmtime", "zig", SAMPLES[:1])


@pytest.mark.parametrize("compiler", ["gcc", "zig"])
def test_a_profile_build_times_each_stage(project: Write, compiler: str) -> None:
    spin = "for (volatile int i = 0; i < {}; i++) {{ }}\n"
    code = (
        "void tiny_invoke(void) {\nEDGE_LAYER(0);\n"
        + spin.format(1000)
        + "EDGE_LAYER(1);\n"
        + spin.format(100_000)
        + "}\n"
    )
    result = _run(project(code), "host", compiler, SAMPLES[:1], count=True, profile=True)
    assert result.stage_time_us is not None
    assert result.time_us is not None
    first, second = result.stage_time_us
    assert 0 < first < second <= result.time_us


def test_fuel_grows_linearly_with_the_work(project: Write) -> None:
    loop = "void tiny_invoke(void) {{ for (volatile int i = 0; i < {}; i++) {{ }} }}\n"
    folder, fuel = project(), []
    for turns in (1000, 2000, 3000):
        project(loop.format(turns))
        fuel.append(_run(folder, "wasmtime", "zig", SAMPLES[:1], count=True).instructions or 0)
    assert fuel[2] - fuel[1] == fuel[1] - fuel[0] > 0


def test_a_profile_build_counts_the_fuel_of_each_stage(project: Write) -> None:
    spin = "for (volatile int i = 0; i < {}; i++) {{ }}\n"
    body = f"EDGE_LAYER(0);\n{spin.format(100)}EDGE_LAYER(1);\n{spin.format(1100)}"
    folder = project(f"void tiny_invoke(void) {{\n{body}}}\n")
    result = _run(folder, "wasmtime", "zig", SAMPLES[:1], count=True, profile=True)
    assert result.stage_instructions is not None
    assert result.instructions is not None
    first, second = result.stage_instructions
    assert 10 * first < second < 11 * first + 50
    assert first + second <= result.instructions < first + second + 20


def test_a_missing_wasmtime_names_its_package(
    project: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = runner_for(load_target("wasm32"))
    program = build(project(), runner.target, find_toolchain(None, runner.target))
    monkeypatch.setitem(__import__("sys").modules, "wasmtime", None)
    with pytest.raises(EdgeError, match=r"E0403[\s\S]*pip install wasmtime"):
        runner.run(program, [SAMPLES])


@pytest.mark.parametrize(
    "inputs",
    [[], [SAMPLES, SAMPLES], [SAMPLES[:, :3]], [SAMPLES[:0]], [SAMPLES.astype(np.int16)]],
    ids=["none", "too many", "too short", "no samples", "wrong type"],
)
def test_inputs_that_do_not_fit_the_model_are_refused(
    project: Write, inputs: list[np.ndarray]
) -> None:
    with pytest.raises(EdgeError, match="E0014"):
        _run(project(), "host", "zig", *inputs)


def test_a_target_lists_its_own_runner_first() -> None:
    assert runners(load_target("cortex-m4")) == ["qemu", "host", "wasmtime"]
    assert runners(load_target("host"))[0] == "host"
    with pytest.raises(EdgeError, match=r"E0015[\s\S]*runners: host, wasmtime"):
        runner_for(load_target("host"), "qemu")
