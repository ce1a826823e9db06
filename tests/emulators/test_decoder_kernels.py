"""The Armv7E-M kernels of a language model equal the numpy reference in every byte."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest

from tests.emulators.dsp_firmware import Case, Outcome, run_cases
from tests.emulators.installed import need
from tests.kernels import decoder_cases
from tests.kernels.decoder_cases import Drawn


def named(topic: str, kernel: str, drawn: Iterable[Drawn]) -> list[Case]:
    """The cases that the kernel accepts."""
    cases = [
        Case(f"{topic} {index}", graph, kernel, data) for index, (graph, data) in enumerate(drawn)
    ]
    return [case for case in cases if case.chosen.accepts(case.graph, case.graph.nodes[0])]


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    rng = np.random.default_rng(5)
    return [
        *named("embedding", "dsp/embedding_s8_s16", decoder_cases.embeddings(rng)),
        *named("rms_norm", "dsp/rms_norm_s16_s8", decoder_cases.norms(rng)),
        *named("attention", "dsp/ring_attention_s8", decoder_cases.attentions(rng)),
    ]


@pytest.fixture(scope="module", params=[("cortex-m7", "gcc"), ("cortex-m4", "zig")], ids="-".join)
def outcome(
    request: pytest.FixtureRequest, cases: list[Case], tmp_path_factory: pytest.TempPathFactory
) -> Outcome:
    target, toolchain = request.param
    need(target, toolchain)
    return run_cases(cases, target, toolchain, tmp_path_factory.mktemp("decoder"))


@pytest.mark.parametrize("topic", ["embedding", "rms_norm", "attention"])
def test_every_byte_equals_the_reference(outcome: Outcome, topic: str) -> None:
    assert [name for name in outcome.failed if name.startswith(topic)] == []


def test_a_window_whose_weights_are_too_small_is_left_to_the_portable_kernel() -> None:
    rng = np.random.default_rng(6)
    for window, accepted in ((2048, True), (2**15, False)):
        keys, values = (np.zeros((1, window, 4), np.int8) for _ in range(2))
        q = decoder_cases.int16s(rng, 1, 4, most=23000)
        graph, data = decoder_cases.attention(q, keys, values, 1, 0.02, 1, 1, 0.0002)
        case = Case("window", graph, "dsp/ring_attention_s8", data)
        assert case.chosen.accepts(graph, graph.nodes[0]) is accepted


def test_every_topic_has_cases(cases: list[Case]) -> None:
    topics = [case.name.split()[0] for case in cases]
    assert {topic: topics.count(topic) for topic in set(topics)} == {
        "embedding": 15, "rms_norm": 48, "attention": 42,
    }  # fmt: skip
