"""Whole networks: what is imported computes what torch computes."""

from __future__ import annotations

import pytest
import torch

from edge.frontends.torch_export import export_module, load_torch
from edge.ir import parse, to_text
from edge.passes.pipeline import FLOAT_PASSES, run_passes
from tests.frontends.torch_oracle import assert_computes, check_import, operators
from tests.models import autoencoder, dscnn, mobilenet_v2, mobilenet_v3_block, resnet8

NETWORKS = (dscnn, resnet8, mobilenet_v2, autoencoder, mobilenet_v3_block)


@pytest.mark.parametrize("network", NETWORKS, ids=lambda n: n.__name__.rpartition(".")[2])
def test_network_computes_what_torch_computes(network):
    module, inputs = network.make()
    graph = check_import(module, *inputs)
    assert_computes(run_passes(graph, FLOAT_PASSES, check=True), module, *inputs)


def test_batch_norm_and_relu_vanish_into_convolutions():
    module, inputs = dscnn.make()
    graph = run_passes(load_torch(export_module(module, inputs)), FLOAT_PASSES)
    assert operators(graph) == [
        "conv2d", *4 * ["depthwise_conv2d", "conv2d"], "mean", "reshape", "linear"
    ]  # fmt: skip


@pytest.mark.parametrize("network", [dscnn, resnet8, mobilenet_v3_block])
def test_decomposed_program_computes_the_same(network):
    module, inputs = network.make()
    program = export_module(module, inputs).run_decompositions()
    assert_computes(load_torch(program), module, *inputs)


def test_inputs_and_outputs_of_rank_four_are_nhwc():
    graph = check_import(torch.nn.Conv2d(3, 5, 3), torch.zeros(1, 3, 8, 10))
    assert graph.type(graph.inputs[0]).shape == (1, 8, 10, 3)
    assert graph.type(graph.outputs[0]).shape == (1, 6, 8, 5)


def test_import_is_deterministic_and_has_a_text_form():
    module, inputs = mobilenet_v3_block.make()
    first, second = (to_text(load_torch(export_module(module, inputs))) for _ in range(2))
    assert first == second
    assert to_text(parse(first)) == first


def test_export_leaves_the_training_flags_alone():
    module, inputs = dscnn.make()
    module.train()
    module.dropout.eval()
    export_module(module, inputs)
    assert module.training
    assert not module.dropout.training
