"""The kind npm as a part of `edge export`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import edge
from edge.cli import cli
from edge.cli.outcome import run as run_cli
from edge.errors import EdgeError
from tests.models.int8_nets import residual_net
from tests.packages.npm.exports import write

Package = Callable[[str], Path]


def _files(folder: Path) -> dict[str, bytes]:
    found = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def test_the_same_model_gives_the_same_bytes(package: Package, tmp_path: Path) -> None:
    assert _files(write("training", tmp_path / "again")) == _files(package("training"))


@pytest.mark.parametrize(("target", "kind", "code"), [("host", "npm", "E0052"),
                                                      ("wasm32", "brew", "E0051")])  # fmt: skip
def test_what_cannot_be_packed_leaves_nothing(
    target: str, kind: str, code: str, tmp_path: Path
) -> None:
    with pytest.raises(EdgeError, match=code):
        edge.export(residual_net(), target, tmp_path / "out", package=[kind])
    assert not list(tmp_path.iterdir())


def test_the_command_says_how_far_the_kind_is_checked_and_the_size_of_each_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = ["export", "tests.packages.npm.exports:floats", "--precision", "fp32", "-t", "wasm32"]
    assert run_cli(cli, [*model, "-o", str(tmp_path / "out"), "--package", "npm", "--json"]) == 0
    made = json.loads(capsys.readouterr().out)["packages"]["npm"]
    assert made["support"] == "built by its own tool"
    sizes = {name: len(content) for name, content in _files(tmp_path / "out" / "npm").items()}
    assert made["files"] == sizes


def test_a_plain_module_has_no_imports_and_no_relaxed_twin_where_it_gains_nothing(
    package: Package,
) -> None:
    assert [p.name for p in package("floats").glob("*.wasm")] == ["two.wasm"]
