"""The additive memory model reproduces every published budget."""

from __future__ import annotations

import json
from dataclasses import asdict, astuple

import pytest

from edge.training.memory_model import LayerGeometry, extra_memory
from tests.models.mcunet import FOLDER, needed
from tests.training.published_schemes import LAYERS, SCHEMES, Published


@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda s: f"{s.model}-{s.kib}kb")
def test_a_published_scheme_takes_its_published_bytes(scheme: Published) -> None:
    extra = extra_memory(LAYERS[scheme.model], scheme.bias_layers, scheme.ratios)
    assert astuple(extra) == scheme.parts
    assert extra.total == scheme.total
    assert extra.total // 1024 == scheme.kib


@needed
def test_the_table_is_that_of_the_model_files() -> None:
    models = json.loads((FOLDER / "schemes.json").read_text())["models"]
    compared = 0
    for name, entry in models.items():
        rows = enumerate(entry["geometry"], entry["first_listed"])
        assert LAYERS[name] == {
            i: LayerGeometry(c_in, c_out, kernel**2, groups, in_hw**2, out_hw**2)
            for i, (c_in, c_out, kernel, groups, in_hw, out_hw) in rows
        }
        for scheme in entry["schemes"]:
            extra = extra_memory(LAYERS[name], scheme["n_bias"], scheme["weights"])
            assert {**asdict(extra), "total": extra.total} == scheme["expect"]
            compared += 1
    assert compared == len(SCHEMES) == 15


def test_the_share_of_channels_is_rounded_down() -> None:
    layer = LayerGeometry(49, 10, 1, 1, 16, 16)
    assert layer.trained_channels(0.5) == 24
    assert layer.weights(0.5) == 240
    assert layer.saved_inputs(0.5) == 24 * 16


def test_masks_are_counted_in_whole_bytes() -> None:
    layers = {0: LayerGeometry(3, 3, 1, 1, 1, 3)}
    assert extra_memory(layers, 1, ()).clip_masks == 2
