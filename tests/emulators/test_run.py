"""`edge run`: the same file from the host and from the emulated board."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from edge.cli import cli
from edge.cli.outcome import run
from edge.reference import run_batch
from edge.workflow.export import export
from tests.models.int8_nets import residual_net

pytestmark = pytest.mark.skipif(
    not shutil.which("qemu-system-arm"), reason="needs apt-get install qemu-system-arm"
)


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "net"
    export(residual_net(), "cortex-m7", folder)
    return folder


@pytest.mark.parametrize("extra", [[], ["--dequantize"]], ids=["int8", "dequantize"])
def test_host_and_qemu_write_the_same_file(out: Path, tmp_path: Path, extra: list[str]) -> None:
    x = np.random.default_rng(5).integers(-128, 128, (6, 12, 11, 3)).astype(np.int8)
    np.save(tmp_path / "x.npy", x)
    for runner in ("host", "qemu"):
        made = str(tmp_path / f"{runner}.npy")
        arguments = ["run", str(out), "--input", str(tmp_path / "x.npy"), "--output", made]
        assert run(cli, [*arguments, "--on", runner, *extra]) == 0
    host, qemu = (tmp_path / f"{runner}.npy" for runner in ("host", "qemu"))
    assert host.read_bytes() == qemu.read_bytes()
    (expected,) = run_batch(residual_net(), [x])
    written = np.load(qemu)
    assert written.dtype == (np.float32 if extra else np.int8)
    if not extra:
        assert np.array_equal(written, expected)


def test_a_missing_input_file_is_one_error_and_no_output(
    out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = tmp_path / "y.npy"
    missing = str(tmp_path / "x.npy")
    status = run(cli, ["run", str(out), "--input", missing, "--output", str(made), "--json"])
    assert status == 2
    assert json.loads(capsys.readouterr().out)["diagnostics"][0]["code"] == "E0005"
    assert not made.exists()


def test_bench_counts_exactly_and_the_stages_add_up(
    out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    counts = []
    for _ in range(2):
        assert run(cli, ["bench", str(out), "--json"]) == 0
        counts.append(json.loads(capsys.readouterr().out))
    assert counts[0] == counts[1]
    found = counts[0]
    stages = sum(layer["instructions"] for layer in found["layers"])
    assert 0 <= found["instructions"] - stages < 100
    assert found["ram"]["total"] == sum(found["ram"][k] for k in ("static", "arena", "stack"))
    assert found["arena_watermark"] == found["ram"]["arena"]
