"""The wheel: what git tracks, one import name, and a command that finds its data."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DATA = ("runtime/", "codegen/", "targets/", "docs/errors/")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, ROOT]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return zipfile.ZipFile(next(out.glob("*.whl")))


def tracked(*folders: str) -> set[str]:
    listed = subprocess.run(
        ["git", "ls-files", *folders], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return set(listed.stdout.split())


def test_the_wheel_holds_what_git_tracks(wheel: zipfile.ZipFile) -> None:
    expected = {
        f"edge/_data/{name}" if name.startswith(DATA) else name for name in tracked("edge", *DATA)
    }
    packed = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert packed == expected


def test_the_wheel_is_pure_and_named_after_the_distribution(wheel: zipfile.ZipFile) -> None:
    assert Path(str(wheel.filename)).name.startswith("edge_nn-")
    assert str(wheel.filename).endswith("-py3-none-any.whl")


def test_only_edge_becomes_an_import_name(wheel: zipfile.ZipFile) -> None:
    tops = {name.partition("/")[0] for name in wheel.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"edge"}
    program = (
        "from importlib.util import find_spec\n"
        "print([n for n in ('runtime', 'codegen', 'targets', 'tests', 'apps') if find_spec(n)])"
    )
    found = subprocess.run(
        [sys.executable, "-c", program], cwd="/", check=True, capture_output=True, text=True
    )
    assert found.stdout.strip() == "[]"


def test_the_unpacked_wheel_finds_its_data(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    wheel.extractall(tmp_path)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    program = "import edge, sys; print(edge.__file__); from edge.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, "targets", "--json"],
        cwd=tmp_path, env=environment, check=True, capture_output=True, text=True,
    )  # fmt: skip
    location, _, printed = done.stdout.partition("\n")
    assert location.startswith(str(tmp_path))
    assert "cortex-m7" in [row["name"] for row in json.loads(printed)["targets"]]


def test_core_modules_do_not_pull_in_torch() -> None:
    program = (
        "import sys\n"
        "import edge.ir, edge.cli, edge.planning, edge.emit.project, edge.reference\n"
        "import edge.workflow.export, edge.workflow.verify, edge.workflow.bench\n"
        "heavy = ('torch', 'torchao', 'executorch', 'ai_edge_litert')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == "[]"
