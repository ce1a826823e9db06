"""Transformers and decoders from torch: numpy, host and emulators agree bit for bit."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

import edge
from edge.ir import Graph
from edge.workflow.export import export

torch = pytest.importorskip("torch", reason="needs pip install 'edge-nn[torch]'")

pytestmark = pytest.mark.slow

needs_qemu = pytest.mark.skipif(
    not shutil.which("qemu-system-arm"), reason="needs apt-get install qemu-system-arm"
)
needs_qemu_user = pytest.mark.skipif(
    not shutil.which("qemu-aarch64"), reason="needs apt-get install qemu-user"
)


@pytest.fixture(scope="module", params=["vit", "decoder"])
def quantized(request: pytest.FixtureRequest) -> Graph:
    """A small vision transformer, or the decoder, quantized with a few samples."""
    from tests.models import decoder, vit

    torch.set_num_threads(1)
    module, (example,) = vit.make(size=24, depth=1) if request.param == "vit" else decoder.make()
    rng = np.random.default_rng(0)
    samples = rng.standard_normal((8, *example.shape[1:])).astype(np.float32)
    return edge.quantize((module, (torch.from_numpy(samples[:1]),)), samples, progress=False)


@pytest.mark.parametrize(
    ("target", "runner"),
    [
        pytest.param("host", "host"),
        pytest.param("cortex-m0plus", "qemu", marks=needs_qemu),
        pytest.param("cortex-m7", "qemu", marks=needs_qemu),
        pytest.param("cortex-m55", "qemu", marks=needs_qemu),
        pytest.param("aarch64", "qemu-user", marks=needs_qemu_user),
        pytest.param("wasm32", "wasmtime"),
    ],
)
def test_every_output_is_that_of_numpy(
    quantized: Graph, target: str, runner: str, tmp_path: Path
) -> None:
    exported = export(quantized, target, tmp_path / "net", name="net")
    verification = edge.verify(exported.out, on=runner)
    assert verification.mismatches == 0
    assert verification.samples == 4


def test_attention_by_heads_is_the_same(tmp_path: Path) -> None:
    """Under little memory scores exist for one head at a time."""
    from tests.models import vit

    torch.set_num_threads(1)
    module, (example,) = vit.make(size=24, depth=1)
    samples = np.random.default_rng(0).standard_normal((8, 3, 24, 24)).astype(np.float32)
    graph = edge.quantize((module, (example,)), samples, progress=False)
    plain = export(graph, "host", tmp_path / "plain", name="net")
    small = export(graph, "host", tmp_path / "small", name="net", sram="min")
    assert small.memory["arena"] <= plain.memory["arena"]
    assert edge.verify(small.out, on="host").mismatches == 0
