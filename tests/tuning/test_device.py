"""Slices tuned on the host go on learning in the exported C."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from edge.cli import cli
from edge.cli.outcome import run as run_cli
from edge.errors import EdgeError
from edge.training.autodiff import Step, differentiate
from edge.training.reference.learner import Learner
from edge.tuning.adapters import fuse
from edge.tuning.attach import attach
from edge.tuning.changes import Adapter
from edge.tuning.channels import ChannelConfig
from edge.tuning.deltas import Delta
from edge.tuning.device import DeviceTuning, device_plan
from edge.tuning.lora import LoRAConfig
from edge.tuning.sparse import SparseConfig, SparseTuner
from edge.workflow.export import compile_model
from edge.workflow.train import stored_inputs

torch.manual_seed(0)
X, Y = torch.randn(8, 1, 12, 12), torch.arange(8) % 5
EXAMPLE, CALIBRATION = (X[:1],), [(x[None].numpy(),) for x in X]
CHANNELS = {"3": 3, "7": 4}


def net(tail: str = "pool") -> nn.Sequential:
    """Two convolutions and a classifier, behind a mean or a flattened image."""
    torch.manual_seed(0)
    inputs = 12 if tail == "pool" else 12 * 9
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU(),
        nn.Conv2d(8, 12, 3, 2, 1), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1) if tail == "pool" else nn.Identity(),
        nn.Flatten(), nn.Linear(inputs, 5),
    ).eval()  # fmt: skip


def tuned(model: nn.Module, channels: dict[str, int], steps: int = 3) -> Adapter:
    tuner = attach(model, ChannelConfig(channels, seed=4))
    optimizer = torch.optim.SGD(list(tuner.parameters()), 0.3)
    for _ in range(steps):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(X), Y).backward()
        optimizer.step()
    state = tuner.state()
    tuner.revert()
    return state


def planned(model: nn.Module, adapter: Adapter) -> DeviceTuning:
    return device_plan(model, EXAMPLE, adapter, "host", CALIBRATION, progress=False)


@dataclass(frozen=True)
class OnDevice:
    adapter: Adapter
    tuning: DeviceTuning
    step: Step
    scale: np.ndarray
    """Of the second convolution's int8 weight, for each output channel."""


@pytest.fixture(scope="module")
def on_device() -> OnDevice:
    torch.set_num_threads(1)
    model = net()
    adapter = tuned(model, CHANNELS)
    tuning = planned(model, adapter)
    graph = compile_model((tuning.module, EXAMPLE), "host", CALIBRATION, progress=False).graph
    step = differentiate(graph, tuning.plan.scheme, tuning.plan.settings)
    scale = np.reshape(graph.type("3.weight").quantization.scale, (-1, 1, 1, 1))
    return OnDevice(adapter, tuning, step, scale)


@pytest.mark.parametrize("channels", [{"3": 3}, {"7": 4}])
def test_the_gradient_of_channels_is_the_slice_of_the_dense_one(channels: dict[str, int]) -> None:
    model, dense = net(), net()
    tuner = attach(model, ChannelConfig(channels))
    for each in (model, dense):
        nn.functional.cross_entropy(each(X), Y).backward()
    ((name, layer),) = tuner.layers.items()  # type: ignore[attr-defined]
    wanted = dense.get_submodule(name).weight.grad[:, layer.index]
    torch.testing.assert_close(layer.part.grad, wanted)


def test_only_the_input_of_learning_channels_is_kept() -> None:
    model = nn.Sequential(nn.Conv2d(16, 16, 3, padding=1, bias=False))
    attach(model, ChannelConfig({"0": 4}))
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t) or t, lambda t: t):
        model(torch.randn(2, 16, 9, 9))
    assert sum(t.numel() for t in kept if t.shape[0] == 2) == 2 * 4 * 81


def test_the_model_as_tuned_has_its_slices_first(on_device: OnDevice) -> None:
    model = net()
    fuse(model, on_device.adapter)
    module = on_device.tuning.module
    torch.testing.assert_close(module(X), model(X), rtol=1e-4, atol=1e-6)
    assert not torch.equal(module[3].weight, model[3].weight)
    assert dict(on_device.tuning.plan.scheme.weights) == {"conv2d_1": 3, "linear": 4}
    convolution, linear = (on_device.adapter[f"{place}.weight"] for place in (3, 7))
    assert isinstance(convolution, Delta)
    assert isinstance(linear, Delta)
    rows, columns = first(linear.index, 12), first((convolution.index // 9 % 8).unique(), 8)
    change = module[3].weight - net()[3].weight[rows][:, columns]
    assert change[:, :3].abs().amax((0, 2, 3)).min() > 1e-3
    assert change[:, 3:].abs().max() == 0


def first(chosen: torch.Tensor, total: int) -> list[int]:
    """The order that brings these to the front."""
    return [*chosen.tolist(), *sorted(set(range(total)) - set(chosen.tolist()))]


def test_the_device_starts_from_the_tuned_slice(on_device: OnDevice) -> None:
    """Its trainables are the slice, in steps of the int8 scale of each output channel."""
    weight = on_device.tuning.module[3].weight.detach()[:, :3].permute(0, 2, 3, 1).numpy()
    state = next(s for s in on_device.step.graph.states if s.initial.shape == weight.shape)
    wrong = np.abs(state.initial * on_device.scale - weight)
    assert (wrong <= 0.51 * on_device.scale).all()


def test_a_step_on_the_device_moves_the_slice_where_the_host_would(on_device: OnDevice) -> None:
    module = copy.deepcopy(on_device.tuning.module)
    for name, parameter in module.named_parameters():
        parameter.requires_grad_(name == "3.weight")
    learner, graph = Learner(on_device.step), on_device.step.graph
    sample = stored_inputs(graph, X[:1].permute(0, 2, 3, 1).numpy())
    names = [s.read for s in graph.states if s.initial.shape == (12, 3, 3, 3)]
    high, low = names if "low" in names[1] else reversed(names)

    def weights() -> np.ndarray:
        states = learner.trainer.states
        return states[high] * 256.0 + states[low].astype(np.uint8)

    before = weights()
    for _ in range(40):
        learner.learn([sample[0]], int(Y[0]))
    moved = (weights() - before) * on_device.scale
    nn.functional.cross_entropy(module(X[:1]), Y[:1]).backward()
    wanted = -module[3].weight.grad[:, :3].permute(0, 2, 3, 1).numpy()
    cosine = (moved * wanted).sum() / np.linalg.norm(moved) / np.linalg.norm(wanted)
    assert cosine > 0.9


def test_the_command_line_exports_the_plan_and_its_c_trains_as_numpy(
    on_device: OnDevice, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {name: tmp_path / name for name in ("tuned.pt2", "plan.json", "samples.npy", "out")}
    torch.export.save(torch.export.export(on_device.tuning.module, EXAMPLE), files["tuned.pt2"])
    files["plan.json"].write_text(json.dumps(on_device.tuning.plan.to_json()))
    np.save(files["samples.npy"], X.numpy())
    export = ["export", str(files["tuned.pt2"]), "-t", "host", "-q",
              "--calibration", str(files["samples.npy"]),
              "--train", str(files["plan.json"]), "-o", str(files["out"])]  # fmt: skip
    assert run_cli(cli, export) == 0
    capsys.readouterr()
    assert run_cli(cli, ["verify", str(files["out"]), "--train-steps", "3", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["mismatches"] == 0
    slices = 12 * 9 * 3 + 5 * 4
    assert result["values"] == 3 * (5 + 2 * slices)


def test_single_weights_are_covered_by_the_channels_they_are_in() -> None:
    model = net()
    wanted = {"3.weight": [3 * 9, 8 * 9 + 5 * 9 + 2], "7.bias": [1]}
    state = {
        name: Delta(torch.tensor(index), torch.ones(len(index)), tuple(p.shape))
        for name, index in wanted.items()
        for p in (model.get_parameter(name),)
    }
    tuning = planned(model, state)
    assert dict(tuning.plan.scheme.weights) == {"conv2d_1": 2}
    assert tuning.plan.scheme.biases == {"linear"}
    fuse(model, state)
    torch.testing.assert_close(tuning.module(X), model(X), rtol=1e-4, atol=1e-5)


def test_what_lt_sft_selects_becomes_a_plan() -> None:
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3, 2, 1), nn.ReLU(), nn.Conv2d(8, 12, 3, 2, 1), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(12, 5),
    ).eval()  # fmt: skip
    tuner = attach(model, SparseConfig(0.01))
    assert isinstance(tuner, SparseTuner)
    for _ in range(2):
        optimizer = torch.optim.SGD(list(tuner.parameters()), 0.1)
        nn.functional.cross_entropy(model(X), Y).backward()
        optimizer.step()
        tuner.select()
    state = tuner.state()
    tuner.revert()
    plan = planned(model, state).plan
    layers = {"0": "conv2d", "2": "conv2d_1", "6": "linear"}
    tuned_weights = {layers[n[0]] for n in state if n.endswith("weight")}
    assert set(plan.scheme.weights) == tuned_weights
    assert plan.scheme.biases == {layers[n[0]] for n in state if n.endswith("bias")}


def test_where_the_order_is_given_all_up_to_the_last_channel_learn() -> None:
    model = net("flat")
    tuning = planned(model, tuned(model, {"7": 4, "0": 1}))
    assert dict(tuning.plan.scheme.weights) == {"conv2d": 1, "linear": 108}


def test_channels_of_depthwise_layers_come_first_too() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3, 2, 1), nn.ReLU(), nn.Conv2d(8, 8, 3, 1, 1, groups=8), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5),
    ).eval()  # fmt: skip
    state = {"2.weight": Delta(torch.tensor([6 * 9, 2 * 9 + 4]), torch.ones(2), (8, 1, 3, 3))}
    assert list(planned(model, state).plan.scheme.weights.values()) == [2]


def test_what_a_device_cannot_train_is_one_clear_error() -> None:
    model = net()
    low_rank = attach(copy.deepcopy(model), LoRAConfig(2, targets=("3",))).state()
    norm = {"1.weight": Delta(torch.tensor([0]), torch.ones(1), (8,))}
    for adapter in (low_rank, norm, {}):
        with pytest.raises(EdgeError, match="E0087"):
            planned(model, adapter)
    with pytest.raises(EdgeError, match="E0080"):
        planned(model, {"3.weight": Delta(torch.tensor([0]), torch.ones(1), (9, 9))})


@pytest.mark.parametrize("channels", [{"3": 9}, {"3": 0}, {"nowhere": 1}, {"1": 1}])
def test_more_channels_than_there_are_cannot_be_tuned(channels: dict[str, int]) -> None:
    with pytest.raises(EdgeError, match="E0081"):
        attach(net(), ChannelConfig(channels))
