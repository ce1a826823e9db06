"""Programs and libraries of other architectures run in QEMU's user mode and are counted exactly."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from elftools.elf.elffile import ELFFile

from edge.errors import EdgeError
from edge.runners import Result, runner_for, runners
from edge.runners.qemu_user import QemuUserRunner
from edge.target import Target, load_target
from edge.toolchains import Program, build, find_toolchain
from edge.toolchains.toolchain import compiler_command, package_of

Write = Callable[..., Path]
SAMPLES = (np.arange(44, dtype=np.int16).reshape(11, 4) - 22).astype(np.int8)
CALL = 1  # the branch that calls the model counts with it

pytestmark = pytest.mark.skipif(
    not shutil.which("qemu-aarch64"), reason="qemu-user is missing: apt-get install qemu-user"
)


@pytest.fixture(params=["aarch64", "armv7a"])
def target(request: pytest.FixtureRequest) -> Target:
    return load_target(request.param)


@pytest.fixture(params=["zig", "gcc"])
def compiler(request: pytest.FixtureRequest, target: Target) -> str:
    return _installed(str(request.param), target)


@pytest.fixture
def android() -> Target:
    return load_target("android-arm64")


def _installed(compiler: str, target: Target) -> str:
    if not compiler_command(compiler, target):
        pytest.skip(f"no {compiler} for {target.name}: {package_of(compiler, target)}")
    return compiler


def _run(
    folder: Path,
    target: Target,
    compiler: str = "zig",
    samples: np.ndarray = SAMPLES[:1],
    **options: bool,
) -> Result:
    profile = options.pop("profile", False)
    program = build(folder, target, find_toolchain(compiler, target), profile=profile)
    return runner_for(target).run(program, [samples], **options)


def _function(target: Target, body: str) -> str:
    """tiny_invoke in assembly."""
    state = "" if target.cpu.startswith("aarch64") else ".arm\\n"
    head = f".text\\n{state}.global tiny_invoke\\n.type tiny_invoke, %function\\ntiny_invoke:\\n"
    return f'__asm__("{head}" {body});\n'


def _loop(target: Target, turns: int) -> str:
    """1 + 2 * turns instructions."""
    if target.cpu.startswith("aarch64"):
        return f'"mov w0, #{turns}\\n1: subs w0, w0, #1\\nb.ne 1b\\n"'
    return f'"movw r0, #{turns}\\n1: subs r0, #1\\nbne 1b\\n"'


def _return(target: Target) -> str:
    return '"ret\\n"' if target.cpu.startswith("aarch64") else '"bx lr\\n"'


def test_every_sample_goes_through_the_model(project: Write, target: Target, compiler: str) -> None:
    result = _run(project(), target, compiler, SAMPLES)
    np.testing.assert_array_equal(result.outputs[0].view(np.int8), 2 * SAMPLES)


def test_a_loop_of_known_length_is_counted_exactly(
    project: Write, target: Target, compiler: str
) -> None:
    code = _function(target, f"{_loop(target, 5000)} {_return(target)}")
    result = _run(project(code), target, compiler, count=True)
    assert result.instructions == CALL + 1 + 2 * 5000 + 1
    assert result.stage_instructions is None


def test_stages_of_known_length_are_counted_exactly(
    project: Write, target: Target, compiler: str
) -> None:
    enter, leave = ('"str x30, [sp, #-16]!\\n"', '"ldr x30, [sp], #16\\nret\\n"')
    if target.cpu == "armv7a":
        enter, leave = '"push {r4, lr}\\n"', '"pop {r4, lr}\\nbx lr\\n"'
    body = f"{enter} MARK {_loop(target, 300)} MARK {_loop(target, 7000)} {leave}"
    result = _run(project(_function(target, body)), target, compiler, profile=True, count=True)
    assert result.stage_instructions == (1 + 2 * 300, 1 + 2 * 7000 + 2)
    assert result.instructions == CALL + 1 + sum(result.stage_instructions)


@pytest.mark.parametrize("value", ["0xA5", "0x5A", "0"])
def test_watermark_is_exact_whatever_was_written(
    project: Write, target: Target, compiler: str, value: str
) -> None:
    code = f"void tiny_invoke(void) {{ tiny_arena[51] = {value}; }}\n"
    assert _run(project(code), target, compiler).arena_watermark == 52


def test_stack_is_measured_to_the_byte(project: Write, target: Target, compiler: str) -> None:
    def deep(size: int) -> str:
        store = (
            '"str xzr, [sp]\\n"' if target.cpu == "aarch64" else '"mov r0, #0\\nstr r0, [sp]\\n"'
        )
        body = f'"sub sp, sp, #{size}\\n" {store} "add sp, sp, #{size}\\n" {_return(target)}'
        return _function(target, body)

    folder = project(deep(160))
    shallow = _run(folder, target, compiler).stack
    project(deep(640))
    assert shallow is not None
    assert _run(folder, target, compiler).stack == shallow + 480


def test_an_overflow_of_the_stack_ends_the_program(
    project: Write, target: Target, compiler: str
) -> None:
    code = (
        "static int dive(volatile int *above) {\n"
        "    volatile int here[64];\n"
        "    here[0] = above[0] + 1;\n"
        "    return dive(here) + here[0];\n"
        "}\n"
        "void tiny_invoke(void) { volatile int top = 0; tiny_arena[0] = (uint8_t)dive(&top); }\n"
    )
    with pytest.raises(EdgeError, match=r"E0510.*SIGSEGV[\s\S]*65,536 B are reserved"):
        _run(project(code), target, compiler)


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
    assert result.outputs[0].view(np.int8)[0, :2].tolist() == [-(1000000007 // 13 % 100), 42]


def test_memory_functions_move_any_bytes(project: Write, target: Target, compiler: str) -> None:
    code = """#include "edge/memory.h"
void *memmove(void *to, const void *from, size_t bytes);
int memcmp(const void *a, const void *b, size_t bytes);
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
    text = code.replace('#include "edge/memory.h"', "#include <string.h>")
    result = _run(project(text), target, compiler)
    assert result.outputs[0][0, :2].tolist() == [0, 42]


@pytest.mark.parametrize("name", ["aarch64-dotprod", "android-arm64-dotprod"])
def test_dot_products_on_a_cpu_without_them_are_refused(project: Write, name: str) -> None:
    target = load_target(name)
    code = (
        "#include <arm_neon.h>\nvoid tiny_invoke(void) {\n    int8x16_t x = vld1q_s8((int8_t *)"
        "tiny_arena);\n    vst1q_s32((int32_t *)(void *)(tiny_arena + 32), vdotq_s32("
        "vdupq_n_s32(0), x, x));\n}\n"
    )
    program = build(project(code), target, find_toolchain("zig", target))
    assert QemuUserRunner(target).target.machine == "cortex-a76"
    runner_for(target).run(program, [SAMPLES])
    old = replace(target, machine="cortex-a53")
    with pytest.raises(EdgeError, match=r"E0408.*needs .* that cortex-a53 does not have") as caught:
        runner_for(old).run(program, [SAMPLES])
    assert f"it was built for {name}" in str(caught.value)
    assert caught.value.exit_status == 4


@pytest.mark.parametrize(
    ("name", "cpu", "feature"),
    [
        ("aarch64-dotprod", "cortex-a57", "dotprod"),
        ("aarch64-i8mm", "cortex-a57", "dotprod"),
        ("aarch64-i8mm", "cortex-a76", "i8mm"),
    ],
)
def test_a_program_asks_for_its_features_before_it_uses_them(
    project: Write, name: str, cpu: str, feature: str
) -> None:
    target = load_target(name)
    program = build(project(), target, find_toolchain("zig", target))
    with pytest.raises(EdgeError, match=f"E0408.*the feature {feature} that {cpu}"):
        runner_for(replace(target, machine=cpu)).run(program, [SAMPLES])


def test_a_compiler_that_drops_the_dot_products_is_caught(project: Write) -> None:
    target = load_target("aarch64-dotprod")
    plain = replace(target, flags=load_target("aarch64").flags)
    with pytest.raises(EdgeError, match="give no __ARM_FEATURE_DOTPROD"):
        build(project(), plain, find_toolchain("zig", plain))


def test_a_crash_is_reported(project: Write, target: Target) -> None:
    code = "void tiny_invoke(void) { *(volatile int *)16 = 1; }\n"
    with pytest.raises(EdgeError, match=r"E0510.*SIGSEGV"):
        _run(project(code), target)


def test_a_program_that_does_not_end_is_stopped(project: Write, target: Target) -> None:
    code = 'void tiny_invoke(void) { for (;;) { __asm__ volatile("nop"); } }\n'
    program = build(project(code), target, find_toolchain("zig", target))
    with pytest.raises(EdgeError, match=r"E0404.*stopped after 0\.5 s"):
        QemuUserRunner(target, timeout_s=0.5).run(program, [SAMPLES])


def test_a_missing_emulator_names_its_package(
    project: Write, target: Target, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = build(project(), target, find_toolchain("zig", target))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EdgeError, match=r"E0403[\s\S]*apt-get install qemu-user"):
        QemuUserRunner(target).run(program, [SAMPLES])


def test_runners_of_user_mode_targets() -> None:
    for name in ("aarch64", "aarch64-dotprod", "armv7a", "android-arm64"):
        assert runners(load_target(name))[0] == "qemu-user"


def _library(project: Write, android: Target, compiler: str, profile: bool = False) -> Program:
    toolchain = find_toolchain(_installed(compiler, android), android)
    return build(project(), android, toolchain, profile=profile)


@pytest.mark.parametrize("compiler", ["zig", "gcc"])
def test_a_library_for_android_runs(project: Write, android: Target, compiler: str) -> None:
    _installed(compiler, android)
    result = _run(project(), android, compiler, SAMPLES, count=True)
    np.testing.assert_array_equal(result.outputs[0].view(np.int8), 2 * SAMPLES)
    assert result.instructions is not None
    profiled = _run(project(), android, compiler, SAMPLES, count=True, profile=True)
    assert profiled.stage_instructions is not None


@pytest.mark.parametrize("compiler", ["zig", "gcc"])
def test_a_library_for_android_needs_nothing_and_shows_the_model_only(
    project: Write, android: Target, compiler: str
) -> None:
    path = _library(project, android, compiler).path
    with path.open("rb") as stream:
        elf = ELFFile(stream)
        tags = [tag.entry.d_tag for tag in elf.get_section_by_name(".dynamic").iter_tags()]
        aligns = [s["p_align"] for s in elf.iter_segments() if s["p_type"] == "PT_LOAD"]
        writable_code = [
            s for s in elf.iter_segments() if s["p_type"] == "PT_LOAD" and s["p_flags"] & 3 == 3
        ]
        symbols = [s for s in elf.get_section_by_name(".dynsym").iter_symbols() if s.name]
    assert path.name == "libtiny.so"
    assert "DT_NEEDED" not in tags
    assert "DT_TEXTREL" not in tags
    assert min(aligns) >= 16384
    assert writable_code == []
    assert {s.name for s in symbols if s["st_shndx"] != "SHN_UNDEF"} == {
        "tiny_arena", "tiny_input", "tiny_invoke", "tiny_output"
    }  # fmt: skip
    assert [s.name for s in symbols if s["st_shndx"] == "SHN_UNDEF"] == []


def test_a_library_that_needs_another_function_is_not_loaded(
    project: Write, android: Target
) -> None:
    code = "void gone(void);\nvoid tiny_invoke(void) { gone(); }\n"
    with pytest.raises(EdgeError, match=r"E0404[\s\S]*undefined symbol: gone"):
        _run(project(code), android)


def test_a_library_for_small_pages_is_not_loaded(project: Write, android: Target) -> None:
    program = _library(project, android, "zig")
    small = program.path.with_name("libsmall.so")
    content = bytearray(program.path.read_bytes())
    with program.path.open("rb") as stream:
        elf = ELFFile(stream)
        loads = [i for i, s in enumerate(elf.iter_segments()) if s["p_type"] == "PT_LOAD"]
        align = elf["e_phoff"] + loads[0] * elf["e_phentsize"] + 48
    content[align : align + 8] = (4096).to_bytes(8, "little")
    small.write_bytes(content)
    with pytest.raises(EdgeError, match=r"E0404[\s\S]*not aligned to 16 KB pages"):
        runner_for(android).run(replace(program, path=small), [SAMPLES])


def test_a_cpu_that_the_emulator_does_not_know_is_named(project: Write) -> None:
    target = replace(load_target("aarch64-dotprod"), machine="cortex-a999")
    program = build(project(), target, find_toolchain("zig", target))
    with pytest.raises(EdgeError, match=r"E0410.*does not emulate cortex-a999"):
        runner_for(target).run(program, [SAMPLES])
