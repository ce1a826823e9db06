"""EdgeQuantizer and PT2E on transformers and transposed convolutions."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from edge import reference
from edge.quantization.affine import dequantize
from edge.quantization.qdq import absorb_qdq
from edge.quantization.quantizer import EdgeQuantizer
from tests.models import decoder, vit
from tests.quantization.pt2e import imported, quantized, samples


@pytest.mark.parametrize("name", ["vit", "decoder"])
def test_int8_graph_is_close_to_torchs_simulation(name: str) -> None:
    module, (example,) = vit.make(size=24, depth=1) if name == "vit" else decoder.make()
    converted = quantized(module, example, EdgeQuantizer())
    graph = absorb_qdq(imported(converted, example))
    assert {node.op for node in graph.nodes}.isdisjoint({"quantize", "dequantize"})
    image = samples(example, 1)[0]
    with torch.no_grad():
        expected = converted(image).numpy()
    q = graph.type(graph.inputs[0]).quantization
    made = graph.type(graph.outputs[0]).quantization
    assert q is not None
    assert made is not None
    stored = np.rint(image.numpy().transpose(0, 2, 3, 1) / q.scale[0]) + q.zero_point[0]
    int8 = np.clip(stored, -128, 127).astype(np.int8)
    output = dequantize(reference.run(graph, [int8])[graph.outputs[0]], made)
    ours = output.transpose(0, 3, 1, 2) if output.ndim == 4 else output
    assert np.square(expected).sum() > 300 * np.square(ours - expected).sum()
