"""Float models: the same bits on every machine, the numbers of torch, clear refusals."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

import edge
from edge.errors import EdgeError
from edge.frontends import load
from edge.reference import run_batch
from edge.target import load_target
from tests.models import mobilenet_v3, resnet8, vit
from tests.models.seeded import seeded


class Everything(nn.Module):
    """Every float operator once; input [1, 3, 26, 22]."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, 2, 1, bias=False)
        self.norm = nn.BatchNorm2d(8)
        self.depthwise = nn.Conv2d(8, 16, 3, 1, 1, groups=8)
        self.pointwise = nn.Conv2d(16, 8, 1)
        self.grouped = nn.Conv2d(8, 8, 3, padding=2, dilation=2, groups=2)
        self.linear = nn.Linear(16, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.norm(self.stem(x)))
        x = functional.relu6(x + self.pointwise(functional.silu(self.depthwise(x))))
        x = functional.gelu(functional.pad(x, (1, 2, 2, 1), value=0.25)) - 0.1
        x = torch.sigmoid(self.grouped(x)) * torch.tanh(x)
        x = functional.interpolate(x, scale_factor=2.0, mode="bilinear")
        pools = [functional.max_pool2d(x, 3, 2, 1), functional.avg_pool2d(x, 2)]
        x = torch.cat(pools, 1)[:, :, 1:]
        return torch.softmax(self.linear(functional.hardswish(x).mean((2, 3))), -1)


def _separable() -> nn.Module:
    layers: list[nn.Module] = [nn.Conv2d(3, 8, 3, 1, 1), nn.ReLU6()]
    for stride in (1, 2, 1):
        layers += [nn.Conv2d(8, 8, 3, stride, 1, groups=8), nn.ReLU6(), nn.Conv2d(8, 8, 1)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1))


@pytest.fixture(scope="module")
def network() -> tuple[nn.Module, torch.Tensor]:
    return seeded(Everything), torch.randn(1, 3, 26, 22, generator=torch.manual_seed(4))


def exported(network: tuple[nn.Module, torch.Tensor], target: Any, out: Path, **more: Any) -> Any:
    module, x = network
    settings = {"precision": "fp32", **more}
    return edge.export((module, (x,)), target, out, progress=False, **settings)


NEEDS = {
    "host": None, "wasm32": None, "aarch64": "qemu-aarch64", "armv7a": "qemu-arm",
    "cortex-m7": "qemu-system-arm", "cortex-m0plus": "qemu-system-arm",
}  # fmt: skip


@pytest.mark.parametrize("target", NEEDS)
def test_every_target_gives_the_bits_of_numpy(
    network: tuple[nn.Module, torch.Tensor], target: str, tmp_path: Path
) -> None:
    if NEEDS[target] and not shutil.which(str(NEEDS[target])):
        pytest.skip(f"needs {NEEDS[target]}")
    exported(network, target, tmp_path / "out")
    assert edge.verify(tmp_path / "out").mismatches == 0


@pytest.mark.parametrize("target", [*NEEDS, "wasm32-relaxed"])
def test_every_target_gives_the_bits_of_numpy_in_fused_arithmetic(
    network: tuple[nn.Module, torch.Tensor], target: str, tmp_path: Path
) -> None:
    if NEEDS.get(target) and not shutil.which(str(NEEDS[target])):
        pytest.skip(f"needs {NEEDS[target]}")
    made = exported(network, target, tmp_path / "out", precision="fp32-fused")
    assert edge.verify(tmp_path / "out").mismatches == 0
    kernels = {layer["kernel"].partition("/")[0] for layer in made.layers}
    assert ("fused" in kernels) is (target in ("aarch64", "wasm32-relaxed"))


def test_fused_arithmetic_has_bits_of_its_own(tmp_path: Path) -> None:
    network = seeded(_separable), torch.randn(1, 3, 32, 32, generator=torch.manual_seed(4))
    given = [np.ascontiguousarray(network[1].numpy().transpose(0, 2, 3, 1))]
    once, twice = (
        run_batch(exported(network, "host", tmp_path / name, precision=name).graph, given)[0]
        for name in ("fp32-fused", "fp32")
    )
    np.testing.assert_allclose(once, twice, rtol=1e-5)
    assert (once != twice).any()


@pytest.mark.parametrize("settings", [{"sram": "min"}, {"sram": "min", "input": "rows"}], ids=str)
def test_fused_plans_keep_the_bits(settings: dict[str, str], tmp_path: Path) -> None:
    network = seeded(_separable), torch.randn(1, 3, 32, 32)
    plain = exported(network, "host", tmp_path / "plain")
    fused = exported(network, "host", tmp_path / "fused", **settings)
    assert edge.verify(tmp_path / "fused").mismatches == 0
    assert fused.plan.arena < 0.8 * plain.plan.arena
    assert any(len(stage.steps) > 1 for stage in fused.plan.stages)


def test_results_are_those_of_torch(
    network: tuple[nn.Module, torch.Tensor], tmp_path: Path
) -> None:
    module, x = network
    exported(network, "host", tmp_path / "out")
    given = np.ascontiguousarray(x.numpy().transpose(0, 2, 3, 1))
    (made,) = edge.run(tmp_path / "out", [given])
    with torch.no_grad():
        np.testing.assert_allclose(made, module(x).numpy(), rtol=1e-5)


@pytest.mark.parametrize("model", [vit, mobilenet_v3, resnet8], ids=lambda model: model.__name__)
def test_networks_keep_their_bits_and_the_numbers_of_torch(
    model: ModuleType, tmp_path: Path
) -> None:
    module, (x,) = model.make()
    edge.export((module, (x,)), "host", tmp_path / "out", precision="fp32", progress=False)
    assert edge.verify(tmp_path / "out", samples=1).mismatches == 0
    (made,) = edge.run(tmp_path / "out", [np.ascontiguousarray(x.numpy().transpose(0, 2, 3, 1))])
    with torch.no_grad():
        expected = module(x).numpy()
    assert np.abs(made - expected).max() <= 1e-5 * np.abs(expected).max()


def test_a_quantized_model_has_no_float_form(tmp_path: Path) -> None:
    module = seeded(lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()))
    x = torch.randn(1, 3, 8, 8)
    int8 = edge.quantize((module, (x,)), [(x.numpy(),)], progress=False)
    with pytest.raises(EdgeError, match="E0209"):
        edge.export(int8, "host", tmp_path / "out", precision="fp32")
    assert not (tmp_path / "out").exists()


def test_weights_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    module = nn.Linear(4, 2).eval()
    with torch.no_grad():
        module.weight[1, 2] = float("nan")
    with pytest.raises(EdgeError, match="E0209"):
        edge.export((module, (torch.zeros(1, 4),)), "host", tmp_path / "out", precision="fp32")


@pytest.mark.parametrize("settings", [{"rounding": "single"}, {"precision": "fp16"}], ids=str)
def test_settings_without_meaning_are_refused(settings: dict[str, str], tmp_path: Path) -> None:
    given = {"precision": "fp32", **settings}
    with pytest.raises(EdgeError, match="E0016"):
        edge.export((nn.Linear(4, 2), (torch.zeros(1, 4),)), "host", tmp_path / "out", **given)


def test_a_float_model_is_checked_without_calibration() -> None:
    model = load((nn.Linear(4, 2).eval(), (torch.zeros(1, 4),)))
    verdict = edge.check(model, replace(load_target("cortex-m7")), precision="fp32")
    assert verdict["fits"]
