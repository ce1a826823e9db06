"""Networks from torch, quantized by us: numpy, host and emulated Cortex-M7 agree bit for bit."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

import edge
from edge.workflow.export import export

torch = pytest.importorskip("torch", reason="needs pip install 'edge-nn[torch]'")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not shutil.which("qemu-system-arm"), reason="needs apt-get install qemu-system-arm"
    ),
]

SAMPLES = 16


def network(name: str):
    """A seeded module and the shape of its input, without the batch."""
    from tests.models import dscnn, mobilenet_v2, resnet8

    torch.set_num_threads(1)
    made = {"dscnn": dscnn, "resnet8": resnet8, "mobilenet_v2": mobilenet_v2}[name].make()
    module, (example,) = made
    return module, tuple(example.shape[1:])


@pytest.mark.parametrize("name", ["dscnn", "resnet8", "mobilenet_v2"])
def test_numpy_host_and_cortex_m7_agree(tmp_path: Path, name: str) -> None:
    module, shape = network(name)
    rng = np.random.default_rng(0)
    images = rng.standard_normal((SAMPLES, *shape)).astype(np.float32)
    int8 = edge.quantize((module, (torch.from_numpy(images[:1]),)), images, progress=False)
    # MobileNetV2's first activations need more RAM than a Cortex-M7 has by default.
    exported = export(int8, "cortex-m7", tmp_path / name, name=name, sram="512K")
    for runner in ("host", "qemu"):
        verification = edge.verify(exported.out, on=runner)
        assert verification.mismatches == 0, runner
        assert verification.samples == 4
    measured = edge.bench(exported.out)
    assert measured.arena_watermark == measured.ram["arena"]
    assert measured.ram["static"] == 0
