"""Arduino and PlatformIO: manifests, the sources as their builds compile them, the sketch."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.packages.mcu.conftest import Package
from tests.packages.readme import assert_expected

ARDUINO_H = """
#pragma once
#include <cstdio>
struct Port {
    void begin(long) {}
    explicit operator bool() const { return true; }
    void println(const char *line) { std::puts(line); }
};
static Port Serial;
void setup();
void loop();
"""
CATEGORIES = {"Display", "Communication", "Signal Input/Output", "Sensors", "Device Control",
              "Timing", "Data Storage", "Data Processing", "Other"}  # fmt: skip
WARNINGS = ["-Wall", "-Wextra", "-Werror"]


def properties(package: Path) -> dict[str, str]:
    lines = (package / "library.properties").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines)


@pytest.mark.parametrize("name", ["arm", "portable", "training"])
def test_library_properties_have_what_the_specification_asks_for(
    name: str, package: Package
) -> None:
    """Arduino library specification, library.properties file format."""
    given = properties(package(name))
    required = {"name", "version", "author", "maintainer", "sentence", "paragraph", "category",
                "url", "architectures"}  # fmt: skip
    assert required <= given.keys()
    assert all(given[key] for key in required)
    assert re.fullmatch(r"[A-Za-z0-9][\w. -]{0,62}", given["name"])
    assert re.fullmatch(r"\d+\.\d+\.\d+", given["version"])
    assert given["category"] in CATEGORIES
    assert not given["sentence"].startswith(given["name"])
    assert (package(name) / "src" / given["includes"]).is_file()
    assert (given["architectures"] == "*") == (name == "portable")
    assert list((package(name) / "examples" / given["name"]).glob("*.ino"))


@pytest.mark.parametrize("program", ["sketch", "platformio"])
def test_the_sketch_prints_what_the_readme_says(
    program: str, package: Package, tmp_path: Path
) -> None:
    folder = package("portable")
    example = folder / "examples" / "residual_net"
    programs = {"sketch": example / "residual_net.ino",
                "platformio": folder / "examples" / "platformio" / "src" / "main.cpp"}  # fmt: skip
    sketch = programs[program]
    (tmp_path / "Arduino.h").write_text(ARDUINO_H)
    sources = [*(folder / "src").rglob("*.c"), *example.glob("*.c")]
    common = [f"-I{folder / 'src'}", f"-I{example}", f"-I{tmp_path}", "-c"]
    commands = [
        ["gcc", "-std=c99", "-O1", *WARNINGS, *common, *sources],
        [
            "g++",
            "-std=c++11",
            *WARNINGS,
            *common,
            "-include",
            "Arduino.h",
            "-x",
            "c++",
            sketch,
            "-o",
            "the_sketch.o",
        ],
        ["g++", "-include", "Arduino.h", f"-I{tmp_path}", "-c", "-x", "c++", "main.txt"],
    ]
    (tmp_path / "main.txt").write_text("int main() { setup(); loop(); }\n")
    for command in commands:
        subprocess.run(command, check=True, cwd=tmp_path)
    subprocess.run(["g++", *tmp_path.glob("*.o"), "-o", "sketch"], check=True, cwd=tmp_path)
    ran = subprocess.run([tmp_path / "sketch"], check=True, capture_output=True, text=True)
    assert_expected(folder, ran.stdout, times=1)


def test_float_code_is_not_contracted_without_flags(package: Package, tmp_path: Path) -> None:
    """Arduino's build passes no flags of a library, and gcc contracts a*b+c by itself."""
    if not shutil.which("arm-none-eabi-gcc"):
        pytest.skip("apt-get install gcc-arm-none-eabi libnewlib-arm-none-eabi")
    source = tmp_path / "src"
    shutil.copytree(package("floats") / "src", source)
    kernel = next((source / "edge" / "kernels").rglob("linear_f32.c"))
    pragma, _, plain = kernel.read_text().partition("#endif\n")
    assert "fp-contract" in pragma
    contracted = kernel.with_name("contracted.c")
    contracted.write_text(plain)
    flags = ["-std=gnu11", "-O2", "-mcpu=cortex-m4", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"]
    fused = {}
    for file in (kernel, contracted):
        command = ["arm-none-eabi-gcc", *flags, f"-I{source}", "-S", file, "-o", "-"]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        fused[file.name] = len(re.findall(r"\bvf[n]?m[as]\b|\bvml[as]\b", done.stdout))
    assert fused[kernel.name] == 0
    assert fused[contracted.name] > 0


def test_platformio_packs_the_library(package: Package, tmp_path: Path) -> None:
    """`pio pkg pack` checks library.json. With a licence it would ask the network for a list."""
    pytest.importorskip("platformio", reason="pip install platformio")
    folder = tmp_path / "library"
    shutil.copytree(package("portable"), folder)
    manifest = json.loads((folder / "library.json").read_text())
    assert manifest.pop("license") == "Apache-2.0"
    assert all((folder / "examples" / file).is_file() for file in manifest["examples"][0]["files"])
    done = _packed(folder, manifest, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert list(tmp_path.glob("*.tar.gz"))
    refused = _packed(folder, {**manifest, "version": "new"}, tmp_path)
    assert refused.returncode != 0


def _packed(
    folder: Path, manifest: dict[str, object], out: Path
) -> subprocess.CompletedProcess[str]:
    import os
    import sys

    (folder / "library.json").write_text(json.dumps(manifest))
    environment = {**os.environ, "PLATFORMIO_CORE_DIR": str(out / "core"),
                   "PLATFORMIO_SETTING_ENABLE_TELEMETRY": "no",
                   "PLATFORMIO_SETTING_CHECK_PLATFORMIO_INTERVAL": "9999"}  # fmt: skip
    return subprocess.run(
        [sys.executable, "-m", "platformio", "pkg", "pack", folder],
        cwd=out, env=environment, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
