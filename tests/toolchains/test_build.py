import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from edge.errors import EdgeError
from edge.target import load_target
from edge.toolchains import Program, build, find_toolchain, sizes
from edge.toolchains.doctor import doctor

Write = Callable[..., Path]
ARENA = 64


def _build(
    folder: Path, target_name: str, compiler: str, sram: int | None = None, flash: int | None = None
) -> Program:
    target = load_target(target_name).with_memory(sram=sram, flash=flash)
    return build(folder, target, find_toolchain(compiler, target))


@pytest.fixture(params=["zig", "gcc"])
def compiler(request: pytest.FixtureRequest) -> str:
    if request.param == "gcc" and not shutil.which("arm-none-eabi-gcc"):
        pytest.skip("arm-none-eabi-gcc is missing: apt-get install gcc-arm-none-eabi")
    return str(request.param)


@pytest.mark.parametrize("target", ["cortex-m4", "cortex-m7", "cortex-m55"])
def test_firmware_adds_no_static_ram_to_the_arena(
    project: Write, target: str, compiler: str
) -> None:
    size = sizes(_build(project(), target, compiler))
    assert (size.static_ram, size.stack_region) == (ARENA, load_target(target).stack)


def test_initialized_data_counts_in_flash_and_in_ram(project: Write, compiler: str) -> None:
    table = "static const uint8_t table[1000] = {1};\n"
    variable = "static volatile uint32_t state = 7;\n"
    body = "void tiny_invoke(void) { state += table[tiny_arena[0]]; }\n"
    size = sizes(_build(project(table + variable + body), "cortex-m7", compiler))
    assert (size.data, size.bss) == (4, ARENA)
    assert 1000 <= size.constants < 1300
    assert size.flash == size.code + size.constants + size.data


def test_a_program_larger_than_sram_is_refused_with_the_missing_bytes(
    project: Write, compiler: str
) -> None:
    with pytest.raises(EdgeError, match="E0310") as caught:
        _build(project(), "cortex-m7", compiler, sram=4096 + ARENA - 32)
    assert "needs 32 B more SRAM than cortex-m7 has (4,128 B)" in str(caught.value)
    assert caught.value.exit_status == 1


def test_a_program_larger_than_flash_is_refused(project: Write, compiler: str) -> None:
    with pytest.raises(EdgeError, match="more FLASH than cortex-m4 has"):
        _build(project(), "cortex-m4", compiler, flash=512)


def test_a_program_of_exactly_the_size_of_sram_links(project: Write, compiler: str) -> None:
    _build(project(), "cortex-m7", compiler, sram=4096 + ARENA)


def test_a_compile_error_shows_the_command_and_the_compilers_words(
    project: Write, compiler: str
) -> None:
    with pytest.raises(EdgeError, match="E0402") as caught:
        _build(project("void tiny_invoke(void) { undeclared = 1; }\n"), "cortex-m4", compiler)
    assert "could not compile invoke.c" in str(caught.value)
    assert "command: " in str(caught.value)
    assert "undeclared" in str(caught.value)
    assert caught.value.exit_status == 4


def test_a_link_error_names_the_missing_symbol(project: Write, compiler: str) -> None:
    with pytest.raises(EdgeError, match="could not link") as caught:
        _build(
            project("void gone(void);\nvoid tiny_invoke(void) { gone(); }\n"),
            "cortex-m4",
            compiler,
        )
    assert "gone" in str(caught.value)


def test_a_compiler_that_drops_the_dsp_extension_is_caught(project: Write) -> None:
    target = load_target("cortex-m4")
    flags = {"zig": ("-target", "thumb-freestanding-eabi", "-mcpu=cortex_m3")}
    with pytest.raises(EdgeError, match="give no __ARM_FEATURE_DSP"):
        build(project(), replace(target, flags=flags), find_toolchain("zig", target))


def test_assembly_sources_are_built_too(project: Write, compiler: str) -> None:
    folder = project("void twice(void);\nvoid tiny_invoke(void) { twice(); }\n")
    (folder / "twice.S").write_text(
        ".syntax unified\n.thumb\n.section .text.twice\n.global twice\n"
        ".type twice, %function\ntwice: bx lr\n"
    )
    plan = folder / "plan.json"
    plan.write_text(plan.read_text().replace('"tiny.c"', '"tiny.c", "twice.S"'))
    assert _build(folder, "cortex-m4", compiler).path.is_file()


def test_a_second_build_compiles_only_what_changed(project: Write, compiler: str) -> None:
    folder = project()
    program = _build(folder, "cortex-m7", compiler)
    before = {path: path.stat().st_mtime_ns for path in program.path.parent.glob("*.o")}
    (folder / "tiny.c").write_text((folder / "tiny.c").read_text() + "\n/* changed */\n")
    _build(folder, "cortex-m7", compiler)
    after = {path: path.stat().st_mtime_ns for path in program.path.parent.glob("*.o")}
    assert before.items() <= after.items()
    assert [path.name[:6] for path in after.keys() - before.keys()] == ["tiny.c"]


def test_the_same_sources_give_the_same_program(
    project: Write, compiler: str, tmp_path: Path
) -> None:
    folder, target = project(), load_target("cortex-m7")
    toolchain = find_toolchain(compiler, target)
    programs = [build(folder, target, toolchain, build_dir=tmp_path / name) for name in "ab"]
    assert sizes(programs[0]) == sizes(programs[1])
    assert programs[0].path.read_bytes() == programs[1].path.read_bytes()


def test_a_folder_that_is_no_export_is_refused(tmp_path: Path) -> None:
    target = load_target("host")
    with pytest.raises(EdgeError, match="E0003"):
        build(tmp_path, target, find_toolchain(None, target))


def test_a_lost_source_file_is_named(project: Write) -> None:
    folder, target = project(), load_target("host")
    (folder / "tiny.c").unlink()
    with pytest.raises(EdgeError, match=r"first tiny\.c"):
        build(folder, target, find_toolchain(None, target))


def test_zig_is_the_default_and_gcc_follows(monkeypatch: pytest.MonkeyPatch) -> None:
    target = load_target("cortex-m7")
    assert find_toolchain(None, target).name == "zig"
    monkeypatch.setattr("edge.toolchains.toolchain._zig_program", lambda: None)
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr("edge.toolchains.toolchain.compiler_version", lambda *_: "1")
    assert find_toolchain(None, target).command == ("/usr/bin/arm-none-eabi-gcc",)
    assert find_toolchain(None, load_target("host")).command == ("/usr/bin/gcc",)


def test_a_missing_compiler_names_the_package_that_brings_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("edge.toolchains.toolchain._zig_program", lambda: None)
    with pytest.raises(EdgeError, match="E0401") as caught:
        find_toolchain(None, load_target("cortex-m4"))
    assert "pip install ziglang==0.17.1" in str(caught.value)
    assert "apt-get install gcc-arm-none-eabi" in str(caught.value)
    assert caught.value.exit_status == 4


def test_a_toolchain_that_cannot_build_for_the_target_is_refused() -> None:
    with pytest.raises(EdgeError, match="toolchains for wasm32: zig"):
        find_toolchain("gcc", load_target("wasm32"))


def test_doctor_says_what_is_there_and_what_brings_the_rest(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    tools = {name: (found, detail) for name, found, detail in doctor()}
    assert tools["zig"][0]
    assert tools["qemu-system-arm"] == (False, "apt-get install qemu-system-arm")
    assert tools["arm-none-eabi-gcc"] == (False, "apt-get install gcc-arm-none-eabi")
