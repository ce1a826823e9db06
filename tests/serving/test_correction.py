"""Correction: strict decoding is the full model's greedy decoding, whatever the drafter."""

from __future__ import annotations

import copy

import pytest
import torch

from edge.errors import EdgeError
from edge.serving.correction import Correction, corrected_greedy, greedy
from edge.sparsity.layerwise.prune import prune_layerwise
from edge.sparsity.layerwise.recipe import Recipe
from edge.sparsity.pattern_names import parse_pattern
from tests.models.stories260k import load_stories, needs_stories, sampled

TOKENS = 40


@pytest.fixture(scope="module")
def dense():
    torch.set_num_threads(1)
    return load_stories()


@pytest.fixture(scope="module")
def calibration(dense):
    return sampled(dense, 4, 64)


@pytest.fixture(scope="module")
def expected(dense):
    return greedy(dense, torch.tensor([[1]]), TOKENS)


@pytest.fixture(scope="module", params=["0", "0.5", "2:4"])
def drafter(request, dense, calibration):
    model = copy.deepcopy(dense)
    if request.param != "0":
        named = ":" in request.param
        pattern = parse_pattern(request.param if named else "unstructured")
        sparsity = None if named else float(request.param)
        prune_layerwise(model, Recipe(pattern, sparsity, "wanda", "none"), [calibration])
    return request.param, model


@needs_stories
@pytest.mark.parametrize("period", [1, 8, 16])
def test_strict_correction_is_greedy_decoding(period, dense, drafter, expected):
    name, model = drafter
    found = corrected_greedy(dense, model, expected[:, :1], TOKENS, Correction(period))
    assert torch.equal(found.ids, expected)
    if name == "0":
        assert (found.passes, found.rejected) == (-(-TOKENS // (period + 1)), 0)
    else:
        assert found.rejected > 0


@needs_stories
def test_a_threshold_keeps_more_drafted_tokens(dense, drafter, expected):
    runs = [
        corrected_greedy(dense, drafter[1], expected[:, :1], TOKENS, Correction(8, threshold))
        for threshold in (None, 0.05)
    ]
    assert runs[1].ids.shape == expected.shape
    assert runs[1].passes <= runs[0].passes


@pytest.mark.parametrize(("period", "threshold"), [(0, None), (4, 0.0), (4, 1.5)])
def test_impossible_settings_are_refused(period, threshold):
    with pytest.raises(EdgeError, match="E0092"):
        Correction(period, threshold)
