"""The command line: light start, one JSON object, exit statuses, errors that say what to do."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from edge.cli import COMMANDS, cli
from edge.cli.outcome import run


def edge(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "edge", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_help_lists_every_command() -> None:
    done = edge("--help")
    assert done.returncode == 0
    assert all(name in done.stdout for name in COMMANDS)


def test_help_imports_nothing_heavy() -> None:
    program = (
        "import sys\nfrom click.testing import CliRunner\nfrom edge.cli import cli\n"
        "CliRunner().invoke(cli, ['--help'])\n"
        "print([m for m in ('torch', 'numpy', 'jinja2', 'rich') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str) -> None:
    result = CliRunner().invoke(cli, [name, "--help"])
    assert result.exit_code == 0
    assert "--json" in result.output


@pytest.mark.parametrize(
    ("arguments", "status", "code"),
    [
        (["check", "missing.tflite", "-t", "cortex-m7"], 2, "E0001"),
        (["check", "model.unknown", "-t", "cortex-m7"], 2, "E0001"),
        (["check", "x.tflite", "-t", "cortex-m77"], 2, "E0010"),
        (["verify", "nowhere"], 2, "E0003"),
        (["bench", "nowhere"], 2, "E0003"),
        (["export", "x.tflite"], 2, "E0000"),
        (["targets", "--no-such-option"], 2, "E0000"),
    ],
)
def test_a_failure_is_one_json_object_with_its_exit_status(
    arguments: list[str], status: int, code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(cli, [*arguments, "--json"]) == status
    printed = json.loads(capsys.readouterr().out)
    assert printed["ok"] is False
    assert printed["schema"] == 1
    assert printed["command"] == arguments[0]
    assert printed["diagnostics"][0]["code"] == code


def test_a_failure_is_text_on_stderr_without_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(cli, ["verify", "nowhere"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error[E0003]")
    assert "= help: edge export" in captured.err


def test_a_misspelt_command_gets_a_suggestion(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(cli, ["exprot"]) == 2
    assert "export" in capsys.readouterr().err


def test_an_internal_error_is_reported_with_a_bundle(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> list[str]:
        raise RuntimeError("boom")

    monkeypatch.setattr("edge.target.targets", broken)
    assert run(cli, ["targets"]) == 70
    message = capsys.readouterr().err
    assert "boom" in message
    assert ".txt" in message


def test_targets_lists_sizes(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(cli, ["targets", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)["targets"]}
    assert rows["cortex-m7"]["sram"] == 256 * 1024
    assert rows["host"]["sram"] is None


def test_ops_names_a_kernel_for_what_a_target_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(cli, ["ops", "-t", "host", "--json"]) == 0
    rows = {row["op"]: row["kernels"] for row in json.loads(capsys.readouterr().out)["ops"]}
    assert {"f32x4/conv2d_f32", "ref/conv2d_s8", "ref/linear_s8"} <= set(rows["conv2d"])
    assert rows["batch_norm"] == []


def test_check_counts_unsupported_operators(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch", reason="needs pip install 'edge-nn[torch]'")
    (tmp_path / "unsupported_net.py").write_text(
        "import torch\n"
        "class Net(torch.nn.Module):\n"
        "    def forward(self, x):\n"
        "        return torch.sort(torch.cumsum(torch.cumsum(x, 1), 1)).values\n"
        "def make():\n"
        "    return Net(), (torch.zeros(1, 8),)\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    arguments = ["check", "unsupported_net:make", "-t", "cortex-m7", "--json"]
    assert run(cli, arguments) == 3
    printed = json.loads(capsys.readouterr().out)
    assert printed["fits"] is False
    rows = {row["op"]: row for row in printed["unsupported"]}
    assert rows["aten.cumsum.default"]["count"] == 2
    assert "unsupported_net.py:4" in rows["aten.sort.default"]["where"]
    assert run(cli, ["export", *arguments[1:], "-o", "out"]) == 3
    assert not (tmp_path / "out").exists()
