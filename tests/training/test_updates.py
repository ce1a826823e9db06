"""Update rules: scaling per channel, rounding, saturation, frozen channels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edge.ir import Graph, Quantization
from edge.training import scales, scheme
from edge.training.autodiff import differentiate
from edge.training.reference import Trainer
from edge.training.reference.step_call import StepCall
from edge.training.reference.updates import fixed_step, float_step, random_bytes
from edge.training.tape import Settings
from tests.bench.mcunet_digits import TRUNCATING
from tests.training import torch_oracle
from tests.training.gradients import applied_gradients
from tests.training.networks import bottleneck, image, wrong_class


def _with_uneven_scales(graph: Graph) -> Graph:
    """The same integers, with weight scales that span a factor of 100 from layer to layer.

    The scale of each output follows; three layers on, it is what it was.
    """
    values, total = dict(graph.values), 1.0
    for index, node in enumerate(scheme.weighted_layers(graph)):
        value = values[node.inputs[1]]
        old = value.type.quantization
        assert old is not None
        factor = (0.1, 1.0, 10.0)[index % 3]
        scaled = Quantization(tuple(s * factor for s in old.scale), old.zero_point, old.axis)
        values[value.name] = replace(value, type=replace(value.type, quantization=scaled))
        out = values[node.output]
        quantization = out.type.quantization
        assert quantization is not None
        total *= factor
        wider = Quantization.per_tensor(quantization.scale[0] * total, quantization.zero_point[0])
        values[out.name] = replace(out, type=replace(out.type, quantization=wider))
    return replace(graph, values=values)


def test_scaling_by_channel_restores_the_ratio_of_floating_point() -> None:
    """|W| / |G| of a layer: stored weights and their scaled step against real ones."""
    graph = _with_uneven_scales(bottleneck())
    step = differentiate(graph, scheme.full(graph))
    x = image(graph)
    label = wrong_class(graph, x)
    gradients, values = applied_gradients(graph, step, x, label)
    oracle = torch_oracle.run(graph, x, values, label)
    plain = []
    for node in scheme.weighted_layers(graph):
        stored = graph.constant(node.inputs[1]).astype(float)
        axis = 3 if node.op == "depthwise_conv2d" else 0
        shape = [1] * stored.ndim
        shape[axis] = -1
        scale = scales.weight_scales(graph, node).reshape(shape)
        autograd = oracle.parameters[node.name][0].grad.numpy()
        real = np.linalg.norm(stored * scale) / np.linalg.norm(autograd / scale)
        ours = gradients[f"{node.name}/weight"]
        scaled = np.linalg.norm(stored) / np.linalg.norm(ours / scale**2)
        assert 0.5 < scaled / real < 2, node.name
        plain.append(np.linalg.norm(stored) / np.linalg.norm(ours) / real)
    assert min(plain) > 100


@pytest.mark.parametrize("exponent", [-40, -7, 0, 9, 30])
def test_a_fixed_step_is_the_nearest_integer(exponent: int) -> None:
    rng = np.random.default_rng(1)
    sums = rng.integers(-(2**26), 2**26, 1000)
    factors = np.exp(rng.uniform(-20, 0, 1000)) * 2.0**-exponent / 100
    fixed = scales.multipliers(factors)
    step = fixed_step(sums, fixed.mantissa, fixed.shift, exponent)
    exact = sums * fixed.mantissa.astype(float) * 2.0 ** (exponent - fixed.shift.astype(float))
    assert np.abs(step - np.clip(exact, -(2.0**31), 2.0**31)).max() <= 0.5
    np.testing.assert_allclose(exact, sums * factors * 2.0**exponent, rtol=2**-14)


def test_steps_saturate() -> None:
    mantissa, shift = np.array([2**14], np.int16), np.array([-100], np.int8)
    for sign in (1, -1):
        assert fixed_step(np.array([sign]), mantissa, shift, 0)[0] == sign * (2**31 - 1)
    huge = float_step(np.array([-1e30], np.float32), np.array([1e8], np.float32))
    assert huge[0] == -(2**30)


def test_weights_saturate_and_never_wrap() -> None:
    graph = bottleneck()
    trainer = Trainer(differentiate(graph, scheme.full(graph), Settings(learning_rate=1e6)))
    before = {name: array.astype(int) for name, array in trainer.states.items()}
    for label in range(3):
        trainer.step([image(graph, label)], label)
    for name, array in trainer.states.items():
        if name.endswith("_high"):
            assert array.min() >= -127
            assert {-127, 127} <= set(np.unique(array).tolist()) or (before[name] == array).any()
        if name.endswith("_bias"):
            assert np.abs(array.astype(np.int64)).max() < 2**31


def test_the_master_is_what_the_weight_rounds_to_nearest() -> None:
    graph = bottleneck()
    trainer = Trainer(differentiate(graph, scheme.full(graph), Settings(learning_rate=1e-2)))
    for index in range(5):
        trainer.step([image(graph, index)], index % 5)
    moved = 0
    for name in [n for n in trainer.states if n.endswith("_high")]:
        high = trainer.states[name].astype(float)
        low = trainer.states[name.replace("_high", "_low")].astype(float)
        true = (256 * high + low) / 256 - 0.5
        assert np.abs(high - true).max() <= 0.5
        moved += int((low != 128).sum())
    assert moved > 100


def test_a_step_too_small_for_int8_is_remembered() -> None:
    """A weight follows the sum of its steps, as truncation or plain int8 would not."""
    graph = bottleneck()
    layer = scheme.weighted_layers(graph)[-1].name
    train = scheme.last_layers(graph, 1)
    once = Trainer(differentiate(graph, train, Settings(learning_rate=1e-4)))
    many = Trainer(differentiate(graph, train, Settings(learning_rate=1e-5)))
    x = image(graph)
    label = wrong_class(graph, x)
    start = once.states[f"{layer}_high"].astype(int) * 256 + 128
    once.step([x], label)
    for _ in range(10):
        many.step([x], label)
    ends = [
        t.states[f"{layer}_high"].astype(int) * 256 + t.states[f"{layer}_low"] for t in (once, many)
    ]
    together, apart = (end - start for end in ends)
    assert np.abs(together).max() > 20
    assert np.abs(together - apart).max() <= 0.1 * np.abs(together).max() + 5


def test_degenerate_channels_stay_as_they_are() -> None:
    graph = bottleneck()
    node = scheme.weighted_layers(graph)[3]
    value = graph.values[node.inputs[1]]
    old = value.type.quantization
    assert old is not None
    dead = Quantization((4e-9, *old.scale[1:]), old.zero_point, old.axis)
    values = {
        **graph.values,
        value.name: replace(value, type=replace(value.type, quantization=dead)),
    }
    graph = replace(graph, values=values)
    trainer = Trainer(differentiate(graph, scheme.full(graph), Settings(learning_rate=1.0)))
    high, bias = f"{node.name}_high", f"{node.name}_bias"
    before = trainer.states[high].copy(), trainer.states[bias].copy()
    trainer.step([image(graph)], 1)
    np.testing.assert_array_equal(trainer.states[high][0], before[0][0])
    assert trainer.states[bias][0] == before[1][0]
    assert (trainer.states[high][1:] != before[0][1:]).any()


def test_factors_are_finite_in_float32() -> None:
    factors = scales.weight_steps(np.array([4e-9, 1e-300, 0.0, 1e-3]), 3e-3, 1.0)
    fixed = scales.multipliers(factors)
    assert (fixed.mantissa[1:3] == 0).all()
    assert fixed.mantissa[3] > 0


def test_stochastic_rounding_keeps_one_byte_and_is_right_on_average() -> None:
    """Many steps too small for int8 add up to what the master remembers."""
    graph = bottleneck()
    layer = scheme.weighted_layers(graph)[-1].name
    train = scheme.last_layers(graph, 1)
    x, rate = image(graph), 1e-4
    label = wrong_class(graph, x)
    master = Trainer(differentiate(graph, train, Settings(learning_rate=rate)))
    start = master.states[f"{layer}_high"].astype(float)
    for _ in range(30):
        master.step([x], label)
    exact = master.states[f"{layer}_high"] + master.states[f"{layer}_low"] / 256 - 0.5 - start
    ends = []
    for seed in range(12):
        how = Settings(learning_rate=rate, weights="stochastic", seed=seed)
        trainer = Trainer(differentiate(graph, train, how))
        assert f"{layer}_low" not in trainer.states
        for _ in range(30):
            trainer.step([x], label)
        assert int(trainer.states["steps"][0]) == 30
        ends.append(trainer.states[f"{layer}_high"] - start)
    assert np.abs(exact).max() > 1
    error = np.mean(ends, axis=0) - exact
    assert np.abs(error).mean() < 0.5
    assert abs(error.mean()) < 0.15


def test_random_bytes_are_uniform_and_differ_from_step_to_step() -> None:
    graph = bottleneck()
    how = Settings(weights="stochastic")
    step = differentiate(graph, scheme.full(graph), how)
    node = next(n for n in step.graph.nodes if n.op == "update_linear_weight")
    drawn = []
    for count in range(64):
        counter = np.array([count], np.int32)
        call = StepCall(step.graph, node, (None,) * 7 + (counter,))
        drawn.append(random_bytes(call, 64))
    values = np.array(drawn)
    assert abs(values.mean() - 127.5) < 4
    assert np.bincount(values.reshape(-1), minlength=256).max() < 40
    assert len({row.tobytes() for row in values}) == 64


def test_truncation_pulls_weights_to_zero_and_the_master_does_not() -> None:
    """Why int8 -= float does not learn: any step against a weight costs it a whole unit."""
    graph = bottleneck()
    ratios = {}
    for name, rules in (("q8.8", None), ("truncate", TRUNCATING)):
        step = differentiate(graph, scheme.full(graph), Settings(learning_rate=1e-4))
        trainer = Trainer(step, rules)
        highs = [n for n in trainer.states if n.endswith("_high")]
        before = sum(int(np.abs(trainer.states[n].astype(int)).sum()) for n in highs)
        for index in range(10):
            x = image(graph, index)
            trainer.step([x], wrong_class(graph, x))
        after = sum(int(np.abs(trainer.states[n].astype(int)).sum()) for n in highs)
        ratios[name] = after / before
    assert abs(ratios["q8.8"] - 1) < 0.005
    assert ratios["truncate"] < 0.97
