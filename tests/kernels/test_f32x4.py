"""The float kernels in vectors of four on this machine, every buffer guarded.

The cases are those of the emulators, under the undefined behaviour sanitizer here.
"""

from __future__ import annotations

import numpy as np
import pytest

from edge.emit.descriptors import describe
from edge.planning.plan import Step
from edge.planning.rows import row_count
from tests.emulators.dsp_firmware import Case
from tests.emulators.f32x4_cases import TOPICS, Topic, fused, is_product

from . import host
from .test_floats import assert_same_bits


@pytest.fixture(scope="module")
def vectors(tmp_path_factory: pytest.TempPathFactory) -> host.Kernels:
    return host.Kernels(host.build(tmp_path_factory.mktemp("f32x4"), "f32x4"), "f32x4")


@pytest.fixture(scope="module")
def fused_vectors(tmp_path_factory: pytest.TempPathFactory) -> host.Kernels:
    return host.Kernels(host.build(tmp_path_factory.mktemp("fused"), "fused"), "fused")


def run(kernels: host.Kernels, case: Case) -> host.GuardedBytes:
    """The output that a kernel writes, row by row; inputs, scratch and surroundings checked."""
    graph, node = case.graph, case.graph.nodes[0]
    rows = 1 if case.chosen.flat else row_count(graph.type(node.output))
    seen = [1 if rows == 1 or x.ndim < 4 else x.shape[1] for x in case.inputs]
    inputs = [host.rows_of(x, count) for x, count in zip(case.inputs, seen, strict=True)]
    out = host.GuardedBytes(graph.type(node.output).nbytes)
    scratch = host.GuardedBytes(case.chosen.scratch(graph, node))
    described = describe(graph, node, Step(node.name, case.kernel, rows), "case")
    for y, row in enumerate(out.inside.reshape(rows, -1)):
        kernels.call(case.kernel.partition("/")[2], described, inputs, y, row, scratch.inside)
    for memory in (out, scratch, *(each.memory for each in inputs)):
        memory.check()
    return out


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.__name__)
def test_every_bit_equals_the_reference(vectors: host.Kernels, topic: Topic) -> None:
    for case in topic(np.random.default_rng(32)):
        expected = case.expected
        made = run(vectors, case).inside.view(np.float32).reshape(expected.shape)
        assert_same_bits(made, expected)


@pytest.mark.parametrize("topic", TOPICS[:-1], ids=lambda topic: topic.__name__)
def test_every_bit_equals_the_fused_reference(fused_vectors: host.Kernels, topic: Topic) -> None:
    for case in map(fused, filter(is_product, topic(np.random.default_rng(32)))):
        expected = case.expected
        made = run(fused_vectors, case).inside.view(np.float32).reshape(expected.shape)
        assert_same_bits(made, expected)
