"""Channels in another order: the network computes the same, slices train what matters."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from edge.errors import EdgeError
from edge.ir import Graph
from edge.reference import run
from edge.training import scheme
from edge.training.autodiff import differentiate
from edge.training.channel_order import important_first, reordered, reordered_scores
from edge.training.plan_file import TrainPlan, read_plan
from edge.training.reference import Trainer
from edge.training.scores import Scores, fisher_scores, table
from edge.training.selection import Budget, select
from edge.workflow.train import export_training, train_plan, verify_training
from tests.training.networks import bottleneck, gated, image
from tests.training.random_networks import random_network

SAMPLES = 6
NETWORKS = [bottleneck, gated, lambda: random_network(3), lambda: random_network(8)]


def _scores(graph: Graph) -> Scores:
    return fisher_scores(graph, [(image(graph, i), i % 5) for i in range(3)])


@pytest.mark.parametrize("index", range(len(NETWORKS)))
def test_a_reordered_network_computes_the_same(index: int) -> None:
    graph = NETWORKS[index]()
    scores = _scores(graph)
    orders = important_first(graph, scores)
    assert orders
    moved = reordered(graph, orders)
    for seed in range(2):
        np.testing.assert_array_equal(
            *(run(g, [image(graph, seed)])[graph.outputs[0]] for g in (moved, graph))
        )
    again = _scores(moved)
    for name, channels in reordered_scores(graph, scores, orders).channels.items():
        np.testing.assert_allclose(again.channels[name], channels, rtol=1e-9, err_msg=name)


def test_channels_of_one_reader_come_by_their_scores() -> None:
    graph = bottleneck()
    scores = _scores(graph)
    found = reordered_scores(graph, scores, important_first(graph, scores)).channels
    falling = found["conv2d_5"]
    assert (np.diff(falling) <= 0).all()
    assert sorted(falling) == sorted(scores.channels["conv2d_5"])


def test_the_knapsack_gains_by_it() -> None:
    graph = bottleneck()
    scores = _scores(graph)
    moved = reordered_scores(graph, scores, important_first(graph, scores))
    for size in (700, 1000, 1300):
        gains = [select(table(graph, s.gains(graph)), Budget(size)).gain for s in (scores, moved)]
        assert gains[1] > gains[0]


def test_a_slice_trains_the_channels_that_it_names() -> None:
    graph = bottleneck()
    moved = reordered(graph, important_first(graph, _scores(graph)))
    part = scheme.published(moved, 1, [(5, Fraction(1, 4))])
    trainer = Trainer(differentiate(moved, part))
    expected = run(graph, [image(graph)])[graph.outputs[0]]
    np.testing.assert_array_equal(trainer.predict([image(graph)]), expected)
    trainer.step([image(graph)], 1)
    assert trainer.states[f"{scheme.weighted_layers(moved)[5].name}_high"].shape[-1] == 3


def _plan(graph: Graph, **settings: object) -> TrainPlan:
    x = np.concatenate([image(graph, i) for i in range(SAMPLES)])
    y = np.arange(SAMPLES) % 5
    return train_plan(graph, "cortex-m7", data=(x, y), progress=False, **settings)  # type: ignore[arg-type]


@pytest.mark.skipif(not shutil.which("gcc"), reason="needs gcc: apt-get install gcc")
def test_a_plan_takes_its_order_to_the_export(tmp_path: Path) -> None:
    graph = bottleneck()
    tight = {"sram": 5600}
    plan, plain = _plan(graph, **tight), _plan(graph, reorder=False, **tight)
    assert plan.orders
    assert not plain.orders
    assert plan.predicted["gain"] > plain.predicted["gain"]
    file = tmp_path / "plan.json"
    file.write_text(json.dumps(plan.to_json()))
    export_training(graph, "host", tmp_path / "out", train=read_plan(file), progress=False)
    assert verify_training(tmp_path / "out", 4).mismatches == 0
    wrong = replace(plan, orders={space: order[:-1] for space, order in plan.orders.items()})
    with pytest.raises(EdgeError, match="E0019"):
        export_training(graph, "host", tmp_path / "no", train=wrong, progress=False)
    assert not (tmp_path / "no").exists()
