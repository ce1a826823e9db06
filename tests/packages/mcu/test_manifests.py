"""Zephyr's module and ESP-IDF's component: manifests, and their build files with stand-ins."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.packages.mcu.conftest import Package
from tests.packages.readme import assert_expected

PRINTK = "#include <stdio.h>\n#define printk printf\n"

ZEPHYR = """
cmake_minimum_required(VERSION 3.20)
project(zephyr C ASM)
function(zephyr_library_named name)
  set(ZEPHYR_CURRENT_LIBRARY ${name} PARENT_SCOPE)
  add_library(${name} STATIC)
  target_link_libraries(app PRIVATE ${name})
endfunction()
function(zephyr_library_sources)
  target_sources(${ZEPHYR_CURRENT_LIBRARY} PRIVATE ${ARGN})
endfunction()
function(zephyr_library_compile_options)
  target_compile_options(${ZEPHYR_CURRENT_LIBRARY} PRIVATE ${ARGN})
endfunction()
function(zephyr_include_directories)
  include_directories(${ARGN})
  target_include_directories(app PRIVATE ${ARGN})
endfunction()
set(PACKAGE "${CMAKE_CURRENT_SOURCE_DIR}/package")
add_executable(app ${PACKAGE}/examples/zephyr/src/main.c
  ${PACKAGE}/examples/residual_net/residual_net_example.c)
target_include_directories(app PRIVATE ${PACKAGE}/examples/residual_net stub)
set(CONFIG_EDGE_RESIDUAL_NET y)
include(${PACKAGE}/zephyr/CMakeLists.txt)
"""

ESP_IDF = """
cmake_minimum_required(VERSION 3.16)
project(idf C)
set(ESP_PLATFORM 1)
set(COMPONENT_LIB component)
macro(idf_component_register)
  cmake_parse_arguments(COMPONENT "" "" "SRCS;INCLUDE_DIRS" ${ARGN})
  add_library(${COMPONENT_LIB} STATIC ${COMPONENT_SRCS})
  target_include_directories(${COMPONENT_LIB} PUBLIC ${COMPONENT_INCLUDE_DIRS})
endmacro()
add_subdirectory(package)
set(EXAMPLE package/examples/residual_net)
add_executable(app package/examples/espidf/main/main.c ${EXAMPLE}/residual_net_example.c start.c)
target_include_directories(app PRIVATE ${EXAMPLE})
target_link_libraries(app PRIVATE component)
"""


def built_and_run(folder: Path, package: Path, lists: str) -> str:
    (folder / "CMakeLists.txt").write_text(lists)
    (folder / "package").symlink_to(package)
    build = folder / "build"
    for command in (["cmake", "-S", folder, "-B", build], ["cmake", "--build", build]):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    return subprocess.run([build / "app"], check=True, capture_output=True, text=True).stdout


def test_zephyrs_build_file_and_example(package: Package, tmp_path: Path) -> None:
    (tmp_path / "stub" / "zephyr" / "sys").mkdir(parents=True)
    (tmp_path / "stub" / "zephyr" / "sys" / "printk.h").write_text(PRINTK)
    printed = built_and_run(tmp_path, package("portable"), ZEPHYR)
    assert_expected(package("portable"), printed, times=1)


def test_esp_idfs_build_file_and_example(package: Package, tmp_path: Path) -> None:
    (tmp_path / "start.c").write_text("void app_main(void); int main(void) { app_main(); }")
    printed = built_and_run(tmp_path, package("portable"), ESP_IDF)
    assert_expected(package("portable"), printed, times=1)


@pytest.mark.parametrize("name", ["arm", "portable", "training"])
def test_kconfig_has_the_symbol_that_the_build_file_and_the_sample_use(
    name: str, package: Package
) -> None:
    kconfiglib = pytest.importorskip("kconfiglib", reason="pip install kconfiglib")
    folder = package(name)
    kconfig = kconfiglib.Kconfig(str(folder / "zephyr" / "Kconfig"))
    (symbol,) = [s.name for s in kconfig.unique_defined_syms]
    assert not kconfig.warnings
    assert f"if(CONFIG_{symbol})" in (folder / "zephyr" / "CMakeLists.txt").read_text()
    assert f"CONFIG_{symbol}=y" in (folder / "examples" / "zephyr" / "prj.conf").read_text()


@pytest.mark.parametrize("name", ["arm", "portable", "training"])
def test_module_yml_names_what_is_there(name: str, package: Package) -> None:
    """Keys of Zephyr's documentation of modules: name, build.cmake, build.kconfig, samples."""
    from ruamel.yaml import YAML

    folder = package(name)
    module = YAML(typ="safe").load((folder / "zephyr" / "module.yml").read_text())
    assert module.keys() == {"name", "build", "samples"}
    assert re.fullmatch(r"[\w-]+", module["name"])
    assert (folder / module["build"]["cmake"] / "CMakeLists.txt").is_file()
    assert (folder / module["build"]["kconfig"]).is_file()
    for sample in module["samples"]:
        content = YAML(typ="safe").load((folder / sample / "sample.yaml").read_text())
        (test,) = content["tests"].values()
        assert test["harness"] == "console"
        (expected,) = re.findall(r"^```text\n(.*?)^```", (folder / "README.md").read_text(),
                                 re.MULTILINE | re.DOTALL)  # fmt: skip
        lines = expected.splitlines()
        patterns = test["harness_config"]["regex"]
        assert all(map(re.fullmatch, patterns, lines))
        assert len(patterns) == len(lines)


def compote(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).parent / "compote"
    if not program.exists():
        pytest.skip("pip install idf-component-manager")
    environment = {**os.environ, "IDF_COMPONENT_CHECK_NEW_VERSION": "0"}
    return subprocess.run(
        [program, *arguments],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_components_manifest_has_known_keys_and_a_damaged_one_is_refused(
    package: Package, tmp_path: Path
) -> None:
    from ruamel.yaml import YAML

    schema = json.loads(compote("manifest", "schema", cwd=tmp_path).stdout)
    text = (package("portable") / "idf_component.yml").read_text()
    manifest = YAML(typ="safe").load(text)
    assert manifest.keys() <= schema["properties"].keys()
    assert {"version", "description", "license", "targets", "dependencies"} <= manifest.keys()
    for example in manifest["examples"]:
        assert (package("portable") / example["path"] / "CMakeLists.txt").is_file()
    (tmp_path / "idf_component.yml").write_text(text.replace('"1.0.0"', '"new"'))
    assert compote("manifest", "lint", ".", cwd=tmp_path).returncode != 0
