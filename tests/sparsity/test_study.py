"""The study's bookkeeping: means over seeds, one line a network, a drawing that is XML."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import torch

from tests.bench.fashion_mobilenet import crop_and_flip, mobilenet
from tests.bench.sparse_network import Measured, rows, write_csv
from tests.bench.sparse_plot import panels, read, svg
from tests.bench.sparse_training import Run, sparsities

ONE = Measured("mobilenet", "cortex-m7", "1x4", True, False, 2, 0.0, 0, 0.91, 0.9, 1000, 400)
ALL = [
    ONE,
    replace(ONE, seed=1, accuracy=0.92, instructions=None),
    replace(ONE, sparsity=0.5, accuracy=0.89, instructions=600, weight_bytes=250),
    replace(ONE, sparsity=0.5, seed=1, accuracy=0.91, instructions=None, weight_bytes=250),
]


def test_a_row_is_the_mean_over_its_seeds_with_the_first_ones_cost() -> None:
    dense, half = rows(ALL)
    assert dense["sparsity"] == 0
    assert (dense["accuracy_mean"], dense["seeds"], dense["instructions"]) == (0.91, 2, 1000)
    assert half == {
        "sparsity": 0.5, "instructions": 600, "weight_bytes": 250, "accuracy_mean": 0.9,
        "accuracy_std": 0.01414, "seeds": 2,
    }  # fmt: skip


def test_a_network_measured_again_replaces_its_line(tmp_path: Path) -> None:
    path = tmp_path / "results" / "study.csv"
    write_csv(path, ALL)
    write_csv(path, [replace(ONE, accuracy=0.5)])
    lines = path.read_text().splitlines()
    assert len(lines) == 1 + len(ALL)
    assert sum(",0.5," in line and ",0.0,0," in line for line in lines) == 1


def test_the_drawing_has_a_point_for_every_sparsity_in_every_panel(tmp_path: Path) -> None:
    path = tmp_path / "study.csv"
    write_csv(path, ALL)
    timed = [
        {"network": "mobilenet", "pattern": "1x4", "rearranged": "True", "sparsity": sparsity,
         "milliseconds": time} for sparsity, time in (("0.0", "2"), ("0.5", "1"))
    ]  # fmt: skip
    drawn = panels(read(path), timed)
    assert [[p.cost for p in panel.curves["1x4"]] for panel in drawn] == [[0.001, 0.0006], [2, 1]]
    root = ElementTree.fromstring(svg(drawn))
    assert len(root.findall(".//{http://www.w3.org/2000/svg}circle")) == 4


def test_the_studys_sparsity_is_that_of_all_pointwise_weights() -> None:
    network = mobilenet().eval()
    found = sparsities(network, Run("1x4", 0.5, 0))
    sizes = {name: network.get_submodule(name).weight.numel() for name in found}
    assert len(found) == 7
    removed = sum(sizes[name] * share for name, share in found.items())
    assert abs(removed / sum(sizes.values()) - 0.5) < 1e-4
    assert found["1.1.0"] > found["3.1.0"] > found["7.1.0"]


def test_crops_are_windows_of_the_image_or_its_mirror() -> None:
    image = torch.arange(28 * 28, dtype=torch.float32).reshape(1, 1, 28, 28)
    crop = crop_and_flip(image, torch.Generator().manual_seed(0))[0, 0]
    windows = image[0, 0].unfold(0, 24, 1).unfold(1, 24, 1).reshape(-1, 24, 24)
    assert any(torch.equal(crop, w) or torch.equal(crop, w.flip(1)) for w in windows)
