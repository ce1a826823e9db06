"""Which targets a kind goes with, and what it says of itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import edge
from edge.cli import cli
from edge.cli.outcome import run
from edge.errors import EdgeError
from tests.models.int8_nets import residual_net
from tests.packages.mcu.conftest import Package


@pytest.mark.parametrize(
    ("kind", "target", "works"),
    [
        ("espidf", "cortex-m7", "-t host"),
        ("zephyr", "wasm32", "cortex-m7"),
        ("arduino", "aarch64", "cortex-m4"),
        ("cmake", "wasm32", "aarch64"),
        ("all-mcu", "android-arm64", "cortex-m7"),
    ],
)
def test_a_kind_that_cannot_build_for_the_target_says_what_works(
    kind: str, target: str, works: str, tmp_path: Path
) -> None:
    with pytest.raises(EdgeError) as caught:
        edge.export(residual_net(), target, tmp_path / "out", package=[kind])
    (found,) = caught.value.diagnostics
    assert found.code == "E0052"
    assert f"no {kind} package for {target}" in found.title
    assert works in found.help[0]
    assert not (tmp_path / "out").exists()


def test_an_unknown_kind_lists_the_kinds(tmp_path: Path) -> None:
    with pytest.raises(EdgeError, match=r"E0051.*'mbed'") as caught:
        edge.export(residual_net(), "host", tmp_path / "out", package=["mbed"])
    assert "cmake, zephyr, arduino, platformio, espidf" in caught.value.diagnostics[0].help[0]
    assert not (tmp_path / "out").exists()


def test_a_tree_leaves_out_what_cannot_build_it(package: Package) -> None:
    arm, portable = package("arm"), package("portable")
    assert (portable / "idf_component.yml").is_file()
    assert not (arm / "idf_component.yml").exists()
    assert "ESP_PLATFORM" not in (arm / "CMakeLists.txt").read_text()
    assert "## ESP-IDF" not in (arm / "README.md").read_text()


def test_each_kind_is_a_folder_of_its_own(tmp_path: Path) -> None:
    out = tmp_path / "out"
    exported = edge.export(residual_net(), "host", out, package=["cmake", "espidf", "cmake"])
    assert list(exported.packages) == ["cmake", "espidf"]
    assert exported.packages["cmake"]["support"] == "built by its own tool"
    assert exported.packages["espidf"]["support"] == "manifest checked, sources compiled"
    for kind, made in exported.packages.items():
        files = {path: (out / kind / path).stat().st_size for path in made["files"]}
        assert files == made["files"]
    assert json.dumps(exported.packages)


def test_the_command_refuses_an_unknown_kind(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(cli, ["export", "m.tflite", "-t", "host", "-o", "out", "--package", "mbed"]) == 2
    assert "platformio" in capsys.readouterr().err
