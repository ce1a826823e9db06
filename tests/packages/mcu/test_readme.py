"""The commands of each README, run in a clean folder: built, linked, run, every byte as expected.

They install the library as well, so the example runs twice: with add_subdirectory and find_package.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.packages.mcu.conftest import Package
from tests.packages.mcu.exports import EXPORTS
from tests.packages.readme import assert_expected, run_commands

TOOLS = {
    "arm-none-eabi-gcc": "gcc-arm-none-eabi libnewlib-arm-none-eabi",
    "qemu-system-arm": "qemu-system-arm",
    "aarch64-linux-gnu-gcc": "gcc-aarch64-linux-gnu",
    "qemu-aarch64": "qemu-user",
    "cmake": "cmake",
}


@pytest.fixture(autouse=True)
def _tools() -> None:
    missing = [packages for tool, packages in TOOLS.items() if not shutil.which(tool)]
    if missing:
        pytest.skip(f"apt-get install {' '.join(missing)}")


@pytest.mark.parametrize("name", EXPORTS)
def test_the_commands_of_the_readme_build_and_run_it(
    name: str, package: Package, tmp_path: Path
) -> None:
    folder, printed = run_commands(package(name), tmp_path)
    assert_expected(folder, printed, times=2)
    assert "100% tests passed" in printed


def test_a_wrong_byte_fails_the_test_of_the_firmware(package: Package, tmp_path: Path) -> None:
    folder = tmp_path / "damaged"
    shutil.copytree(package("arm"), folder)
    weights = folder / "src" / "residual_net_weights.c"
    text = weights.read_text()
    at = text.index("= {\n    ") + len("= {\n    ")
    weights.write_text(text[:at] + "77 ^ " + text[at:])
    build = folder / "build"
    toolchain = f"-DCMAKE_TOOLCHAIN_FILE={folder}/examples/cmake/toolchain.cmake"
    for command in (
        ["cmake", "-S", folder / "examples" / "cmake", "-B", build, toolchain],
        ["cmake", "--build", build],
    ):
        subprocess.run(command, check=True, capture_output=True)
    tested = subprocess.run(
        ["ctest", "--test-dir", build], capture_output=True, text=True, check=False
    )
    assert tested.returncode != 0
    assert "0% tests passed" in tested.stdout
