import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge.errors import EdgeError
from edge.runners import Result, runner_for
from edge.runners.qemu import QemuRunner
from edge.target import Target, load_target
from edge.toolchains import build, find_toolchain

Write = Callable[..., Path]
SAMPLES = (np.arange(44, dtype=np.int16).reshape(11, 4) - 22).astype(np.int8)
CALL = 1  # the bl that calls the model counts with it

pytestmark = pytest.mark.skipif(
    not shutil.which("qemu-system-arm"),
    reason="qemu-system-arm is missing: apt-get install qemu-system-arm",
)


@pytest.fixture(params=["cortex-m0plus", "cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55"])
def target(request: pytest.FixtureRequest) -> Target:
    return load_target(request.param)


@pytest.fixture(params=["zig", "gcc"])
def compiler(request: pytest.FixtureRequest) -> str:
    if request.param == "gcc" and not shutil.which("arm-none-eabi-gcc"):
        pytest.skip("arm-none-eabi-gcc is missing: apt-get install gcc-arm-none-eabi")
    return str(request.param)


def _run(
    folder: Path,
    target: Target,
    compiler: str = "zig",
    samples: np.ndarray = SAMPLES[:1],
    *,
    profile: bool = False,
    count: bool = False,
) -> Result:
    program = build(folder, target, find_toolchain(compiler, target), profile=profile)
    return QemuRunner(target, timeout_s=20).run(program, [samples], count=count)


def _error(folder: Path, target: Target, compiler: str = "zig") -> EdgeError:
    with pytest.raises(EdgeError) as caught:
        _run(folder, target, compiler)
    return caught.value


def _loop(turns: int) -> str:
    """Assembly of 1 + 2 * turns instructions."""
    return f'".syntax unified\\nldr r0, ={turns}\\n1: subs r0, #1\\nbne 1b\\n"'


def test_every_sample_goes_through_the_model(project: Write, target: Target, compiler: str) -> None:
    result = _run(project(), target, compiler, SAMPLES)
    np.testing.assert_array_equal(result.outputs[0].view(np.int8), 2 * SAMPLES)


def test_a_loop_of_known_length_is_counted_exactly(
    project: Write, target: Target, compiler: str
) -> None:
    code = f'__attribute__((naked)) void tiny_invoke(void) {{ __asm__({_loop(5000)} "bx lr"); }}\n'
    result = _run(project(code), target, compiler, count=True)
    assert result.instructions == CALL + 1 + 2 * 5000 + 1
    assert result.stage_instructions is None


def test_stages_of_known_length_are_counted_exactly(
    project: Write, target: Target, compiler: str
) -> None:
    stages = f"MARK {_loop(300)} MARK {_loop(7000)}"
    code = (
        "__attribute__((naked)) void tiny_invoke(void) {"
        f'__asm__("push {{r4, lr}}\\n" {stages} "pop {{r4, pc}}"); }}\n'
    )
    result = _run(project(code), target, compiler, profile=True, count=True)
    assert result.stage_instructions == (1 + 2 * 300, 1 + 2 * 7000 + 1)
    assert result.instructions == CALL + 1 + sum(result.stage_instructions)


def test_counts_repeat(project: Write, target: Target, compiler: str) -> None:
    folder = project()
    counts = [_run(folder, target, compiler, SAMPLES, count=True).instructions for _ in range(2)]
    assert counts[0] == counts[1] is not None


@pytest.mark.parametrize("value", ["0xA5", "0x5A", "0"])
def test_watermark_is_exact_whatever_was_written(
    project: Write, target: Target, compiler: str, value: str
) -> None:
    code = f"void tiny_invoke(void) {{ tiny_arena[51] = {value}; }}\n"
    assert _run(project(code), target, compiler).arena_watermark == 52


def test_stack_is_measured_to_the_word(project: Write, target: Target, compiler: str) -> None:
    def deep(words: int) -> str:
        return (
            "__attribute__((naked)) void tiny_invoke(void) {"
            f'__asm__("sub sp, #{4 * words}\\nmovs r0, #1\\nstr r0, [sp]\\n'
            f'add sp, #{4 * words}\\nbx lr"); }}\n'
        )

    folder = project(deep(10))
    shallow = _run(folder, target, compiler).stack
    project(deep(90))
    deeper = _run(folder, target, compiler).stack
    assert shallow is not None
    assert deeper == shallow + 4 * 80


def test_a_stack_overflow_is_reported(project: Write, target: Target, compiler: str) -> None:
    code = (
        "static int dive(volatile int *above) {\n"
        "    volatile int here[64];\n"
        "    here[0] = above[0] + 1;\n"
        "    return dive(here) + here[0];\n"
        "}\n"
        "void tiny_invoke(void) { volatile int top = 0; tiny_arena[0] = (uint8_t)dive(&top); }\n"
    )
    error = _error(project(code), target, compiler)
    assert "E0311" in str(error)
    assert "needs more than 4,096 B" in str(error)
    assert "exit status 99" in str(error)
    assert error.exit_status == 1


@pytest.mark.parametrize("sram", ["256K", 4_992, 4_256, 221_856])
def test_a_write_past_the_budget_is_reported_with_its_address(
    project: Write, target: Target, compiler: str, sram: int | str
) -> None:
    small = target.with_memory(sram=sram)
    assert small.sram
    end = small.sram.origin + small.sram.length
    code = (
        "void tiny_invoke(void) {\n"
        f"    *(volatile uint8_t *)({end:#x}u - 1) = 1;\n"
        f"    *(volatile uint8_t *){end:#x}u = 1;\n"
        "}\n"
    )
    error = _error(project(code), small, compiler)
    assert "E0312" in str(error)
    assert f"access to {end:#x}, 0 B past the end of the {small.sram.length:,} B" in str(error)
    assert "function tiny_invoke" in str(error)
    assert "exit status 99: MemManage" in str(error)


def test_a_write_to_flash_is_reported(project: Write, target: Target, compiler: str) -> None:
    code = "void tiny_invoke(void) { *(volatile uint32_t *)0x800u = 1; }\n"
    error = _error(project(code), target, compiler)
    assert "E0510" in str(error)
    assert "access to 0x800" in str(error)


def test_code_in_sram_does_not_run(project: Write, target: Target) -> None:
    code = "void tiny_invoke(void) { ((void (*)(void))(uintptr_t)(tiny_arena + 1))(); }\n"
    assert "E0510" in str(_error(project(code), target))


def test_memory_functions_move_any_bytes(project: Write, target: Target, compiler: str) -> None:
    code = """#include <string.h>
static volatile uint32_t length;
static uint8_t from[80], to[80];
static int differ(uint32_t a, uint32_t b, uint32_t n) {
    for (uint32_t i = 0; i < 80; i++) from[i] = (uint8_t)(i + 1), to[i] = 0;
    length = n;
    memcpy(to + a, from + b, length);
    int bad = to[a + n] != 0 || (a && to[a - 1] != 0);
    for (uint32_t i = 0; i < n; i++) bad |= to[a + i] != from[b + i];
    memmove(from + a, from + b, length);
    bad |= memcmp(from + a, to + a, length) != 0;
    memset(to + b, 9, length);
    for (uint32_t i = 0; i < n; i++) bad |= to[b + i] != 9;
    return bad || (to[b + n] == 9 && b + n >= a + n);
}
void tiny_invoke(void) {
    int bad = 0;
    for (uint32_t a = 0; a < 5; a++)
        for (uint32_t b = 0; b < 5; b++)
            for (uint32_t n = 0; n < 70; n++) bad += differ(a, b, n);
    tiny_arena[36] = (uint8_t)bad, tiny_arena[37] = 42;
}
"""
    result = _run(project(code), target, compiler)
    assert result.outputs[0][0, :2].tolist() == [0, 42]


def test_floats_and_long_divisions_need_no_library(
    project: Write, target: Target, compiler: str
) -> None:
    code = """static volatile int64_t a = 1000000007, b = -13;
static volatile double c = 0.5;
void tiny_invoke(void) {
    tiny_arena[36] = (uint8_t)(a / b % 100), tiny_arena[37] = (uint8_t)(c * 84);
}
"""
    result = _run(project(code), target, compiler)
    quotient = -(1000000007 // 13)
    assert result.outputs[0].view(np.int8)[0, :2].tolist() == [-((-quotient) % 100), 42]


def test_a_program_that_does_not_end_is_stopped(project: Write, target: Target) -> None:
    program = build(
        project('void tiny_invoke(void) { for (;;) { __asm__ volatile("nop"); } }\n'),
        target,
        find_toolchain("zig", target),
    )
    with pytest.raises(EdgeError, match=r"E0404.*stopped after 0\.5 s"):
        QemuRunner(target, timeout_s=0.5).run(program, [SAMPLES])


def test_without_a_usable_plugin_the_run_succeeds_and_says_so(
    project: Write, target: Target, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.so"
    broken.write_bytes(b"not a library")
    monkeypatch.setattr("edge.runners.qemu.counting_plugin", lambda: broken)
    result = _run(project(), target, samples=SAMPLES, count=True)
    np.testing.assert_array_equal(result.outputs[0].view(np.int8), 2 * SAMPLES)
    assert result.instructions is None
    assert [d.severity for d in result.diagnostics] == ["warning"]
    assert "plugin API 1" in str(result.diagnostics[0])


def test_a_missing_emulator_names_its_package(
    project: Write, target: Target, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = build(project(), target, find_toolchain("zig", target))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EdgeError, match=r"E0403[\s\S]*apt-get install qemu-system-arm") as caught:
        runner_for(target).run(program, [SAMPLES])
    assert caught.value.exit_status == 4


def test_a_program_beyond_the_emulated_board_is_refused(project: Write) -> None:
    roomy = load_target("cortex-m7").with_memory(flash="16M")
    big = "static const volatile uint8_t big[5000000] = {1};"
    folder = project(f"{big}\nvoid tiny_invoke(void) {{ *(uint8_t *)tiny_input(0) = big[0]; }}")
    assert "E0409" in str(_error(folder, roomy))


def test_an_emulator_that_is_too_old_is_named(
    project: Write, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    target = load_target("cortex-m55")
    program = build(project(), target, find_toolchain("zig", target))
    old = tmp_path / "qemu-system-arm"
    old.write_text(
        '#!/bin/sh\n[ "$1" = --version ] && echo "QEMU emulator version 5.2.0" && exit\n'
        'echo "qemu-system-arm: unsupported machine type" >&2\nexit 1\n'
    )
    old.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(EdgeError, match=r"E0410.*5\.2\.0 does not emulate mps3-an547") as caught:
        QemuRunner(target).run(program, [SAMPLES])
    assert "QEMU 7.2 or later" in str(caught.value)
    assert caught.value.exit_status == 4


def test_an_unknown_board_is_not_taken_for_a_crash(project: Write) -> None:
    target = replace(load_target("cortex-m7"), machine="mps9-an999")
    program = build(project(), target, find_toolchain("zig", target))
    with pytest.raises(EdgeError, match=r"E0410.*does not emulate mps9-an999"):
        QemuRunner(target).run(program, [SAMPLES], count=True)
