"""Programs from files and from dotted functions."""

from __future__ import annotations

import random
import subprocess
import sys

import pytest
import torch
from torch import nn

from edge.errors import EdgeError
from edge.frontends.torch_export import export_module, load_callable, load_pt2, load_torch
from tests.frontends.torch_oracle import assert_computes, noise
from tests.models import autoencoder, dscnn


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("programs") / "small.pt2"
    module = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU()).eval()
    torch.export.save(export_module(module, (noise(1, 1, 6, 6),)), path)
    return path


def test_dotted_function_gives_a_program():
    module, inputs = autoencoder.make()
    graph = load_torch(load_callable("tests.models.autoencoder:make"))
    assert_computes(graph, module, *inputs)


@pytest.mark.parametrize(
    "reference",
    ["tests.models.missing:make", "tests.models.dscnn:missing", "tests.models.dscnn:DSCNN", ":"],
)
def test_function_that_gives_no_module_is_a_usage_error(reference):
    with pytest.raises(EdgeError) as raised:
        load_callable(reference)
    assert raised.value.exit_status == 2


def test_saved_program_keeps_values_and_places(tmp_path):
    module, inputs = dscnn.make()
    torch.export.save(export_module(module, inputs), tmp_path / "dscnn.pt2")
    graph = load_torch(load_pt2(tmp_path / "dscnn.pt2"))
    assert_computes(graph, module, *inputs)
    assert "in DSCNN.forward (layer classifier)" in graph.nodes[-1].where


def test_damaged_files_are_usage_errors(saved, tmp_path):
    content, damaged = saved.read_bytes(), tmp_path / "damaged.pt2"
    generator = random.Random(0)
    for size in (0, 10, len(content) // 2, len(content) - 20, *12 * [len(content)]):
        mutated = bytearray(content[:size])
        for _ in range(4 if size else 0):
            mutated[generator.randrange(size)] = generator.randrange(256)
        damaged.write_bytes(mutated)
        with pytest.raises(EdgeError) as raised:
            load_pt2(damaged)
        assert raised.value.exit_status == 2


_FRESH = """
import sys
from edge.frontends.torch_export import load_pt2, load_torch
print(len(load_torch(load_pt2(sys.argv[1])).nodes))
"""


def test_quantized_program_loads_in_a_fresh_process_and_prints_nothing_else(tmp_path):
    from edge.silence import silenced

    with silenced():
        from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e

        from edge.quantization.quantizer import EdgeQuantizer
    inputs = (noise(1, 1, 6, 6),)
    module = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU()).eval()
    prepared = prepare_pt2e(torch.export.export(module, inputs).module(), EdgeQuantizer())
    prepared(*inputs)
    torch.export.save(export_module(convert_pt2e(prepared), inputs), tmp_path / "q.pt2")
    fresh = subprocess.run(
        [sys.executable, "-c", _FRESH, tmp_path / "q.pt2"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (fresh.stdout.strip(), fresh.stderr) == ("7", "")
