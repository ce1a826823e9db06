"""From the float decoder to int8: what keeps the function, and how close the integers stay."""

from __future__ import annotations

import numpy as np
import pytest

from edge.ir import Graph, check
from edge.quantization.decoder import exp_table, rotary_tables
from edge.quantization.llama.equalize import equalized
from edge.quantization.llama.float_steps import drawn, each_step, mean_nll, turned
from edge.quantization.llama.graph import decoder_graph
from edge.quantization.llama.scales import best_scale, observed, quantizations, reach
from edge.reference import run_batch
from edge.workflow.prepare import prepare
from tests.models.small_llama import SHAPE, small_llama

WINDOW = 16
DECODER = small_llama()
IDS = drawn(DECODER, 8, 48)


@pytest.fixture(scope="module")
def graph() -> Graph:
    even = equalized(DECODER, reach(observed(DECODER, IDS, WINDOW)))
    stored = quantizations(observed(even, IDS, WINDOW))
    return check(prepare(decoder_graph(even, stored, WINDOW, SHAPE.context)))


def test_equalizing_keeps_the_function() -> None:
    even = equalized(DECODER, reach(observed(DECODER, IDS, WINDOW)))
    assert not np.allclose(even.blocks[0].up, DECODER.blocks[0].up)
    for a, b in zip(each_step(DECODER, IDS, WINDOW), each_step(even, IDS, WINDOW), strict=True):
        np.testing.assert_allclose(a, b, atol=2e-4)


def test_zeros_of_pruned_weights_stay() -> None:
    decoder = small_llama(seed=1)
    decoder.blocks[0].down[::2, 1::3] = 0
    even = equalized(decoder, reach(observed(decoder, IDS, WINDOW)))
    assert (even.blocks[0].down[::2, 1::3] == 0).all()


def test_text_that_a_model_draws_is_likelier_than_any() -> None:
    own = np.stack(list(each_step(DECODER, IDS[:, :-1], WINDOW)), axis=1)
    other = np.random.default_rng(0).permutation(IDS.reshape(-1)).reshape(IDS.shape)
    assert mean_nll(own, IDS[:, 1:]) < mean_nll(own, other[:, 1:]) - 0.5


def test_int8_says_nearly_what_float_says(graph: Graph) -> None:
    """Past the window too: 47 steps, of which attention sees 16."""
    ids = IDS[0]
    scale = graph.type("logits").quantization
    assert scale is not None
    chosen, made = run_batch(graph, [ids[:-1].astype(np.int32)])
    logits = made[:, :].astype(np.float32).reshape(len(ids) - 1, -1) * scale.scale[0]
    floats = np.stack([x[0] for x in each_step(DECODER, ids[None, :-1], WINDOW)])
    assert abs(mean_nll(logits, ids[1:]) - mean_nll(floats, ids[1:])) < 0.06
    assert np.corrcoef(logits.reshape(-1), floats.reshape(-1))[0, 1] > 0.99
    np.testing.assert_array_equal(chosen.reshape(-1), logits.argmax(axis=1))


def test_a_token_that_is_none_stands_for_the_own_choice(graph: Graph) -> None:
    chosen, _ = run_batch(graph, [np.array([5, 7, -1, -1, 99], np.int32)])
    tokens = chosen.reshape(-1).tolist()
    again, _ = run_batch(graph, [np.array([5, 7, *tokens[1:4]], np.int32)])
    assert again.reshape(-1).tolist() == tokens


def test_angles_of_two_tables_are_those_of_one() -> None:
    fine, coarse = (t.astype(np.int64) for t in rotary_tables(512, 8))
    x = np.eye(1, 8, dtype=np.float32) + np.eye(1, 8, 3, dtype=np.float32)
    for position in (0, 31, 32, 300, 511):
        (c1, s1), (c2, s2) = coarse[position // 32].T, fine[position % 32].T
        c, s = (c1 * c2 - s1 * s2) / 2**28, (s1 * c2 + c1 * s2) / 2**28
        even, odd = x.reshape(-1, 2).T
        made = np.stack([even * c - odd * s, even * s + odd * c], axis=-1).reshape(1, -1)
        np.testing.assert_allclose(made, turned(x, SHAPE_OF_8, position), atol=3e-4)


SHAPE_OF_8 = SHAPE.__class__(8, 8, 1, 1, 1, 8, 512)


@pytest.mark.parametrize("window", [2, 128, 511, 512, 2048, 2**15])
def test_sums_over_a_window_stay_within_int32(window: int) -> None:
    table = exp_table(window).astype(np.int64)
    assert table[0] > 0
    assert 128 * window * table[0] < 2**31


def test_a_scale_clips_what_is_rare() -> None:
    x = np.append(np.random.default_rng(0).normal(0, 1, 4000), 40).astype(np.float32)
    assert best_scale(x[:-1]) * 127 > 2.5
    assert best_scale(x) < 40 / 127
