"""The engine: every request gets what transformers' own greedy decoding makes of it."""

from __future__ import annotations

import copy
import random

import pytest
import torch

from edge.errors import EdgeError
from edge.gpu.attention import AttentionPlan, apply_sparse_attention
from edge.gpu.attention.policies.a_shape import AShape
from edge.serving import AdapterPool, LowRank
from edge.serving.correction import Correction
from edge.serving.engine import Engine, Limits
from edge.serving.request import Request
from tests.models.stories260k import load_stories, needs_stories
from tests.serving.conftest import CONTEXT, VOCABULARY, continued, small_llama

WIDTH = 64


def _requests(count: int, seed: int = 0) -> list[Request]:
    """Prompts of 1 to 20 tokens, some of which begin alike, for all adapters."""
    rng = random.Random(seed)
    start = [rng.randrange(VOCABULARY) for _ in range(12)]
    found = []
    for index in range(count):
        own = [rng.randrange(VOCABULARY) for _ in range(rng.randint(1, 20))]
        prompt = start + own[:8] if index % 3 == 0 else own
        adapter = rng.choice((None, "a1", "a3", "a8"))
        found.append(Request(prompt, rng.randint(1, 16), adapter=adapter))
    return found


def _expected(request: Request, with_adapter) -> list[int]:
    return continued(with_adapter[request.adapter], request.prompt, request.max_tokens)


def _assert_all_free(engine: Engine) -> None:
    for name in engine.adapters:
        if name in engine.pool:
            engine.pool.evict(name)
    assert engine.pool.free == engine.pool.memory.pages


@pytest.mark.parametrize(
    ("pages", "limits"),
    [(2000, Limits()), (2000, Limits(3, 7)), (220, Limits())],
    ids=["roomy", "small steps", "few pages"],
)
def test_random_arrivals_and_adapters_equal_generate(pages, limits, llama, adapters, with_adapter):
    engine = Engine(llama, AdapterPool(pages, WIDTH), adapters, limits=limits)
    requests, rng = _requests(14), random.Random(1)
    made: dict[int, list[int]] = {}
    numbers: dict[int, Request] = {}
    left = list(requests)
    while left or engine.busy:
        for _ in range(rng.randint(0, 2)):
            if left:
                request = left.pop(0)
                numbers[engine.submit(request)] = request
        for token in engine.step():
            made.setdefault(token.request, []).append(token.token)
    for number, request in numbers.items():
        assert made[number] == _expected(request, with_adapter), request
    _assert_all_free(engine)


def test_stories_equal_generate():
    if needs_stories.args[0]:
        pytest.skip(needs_stories.kwargs["reason"])
    model = load_stories()
    engine = Engine(model, AdapterPool(400, 64))
    requests = [Request([1], 24), Request([1, 403, 407], 24), Request([1, 300], 12)]
    for request, made in zip(requests, engine.complete(requests), strict=True):
        wanted = continued(model, request.prompt, request.max_tokens, eos_token_id=-1)
        assert list(made.tokens) == wanted


def test_tokens_stream_in_the_order_of_steps(llama):
    engine = Engine(llama, AdapterPool(200, WIDTH))
    stream = engine.generate([Request([5], 3), Request([6, 7], 2)])
    tokens = [next(stream)]
    assert engine.busy
    tokens += stream
    assert [(t.request, t.reason) for t in tokens] == [
        (0, None), (1, None), (0, None), (1, "length"), (0, "length"),
    ]  # fmt: skip


def test_a_stop_token_ends_a_request_and_a_reader_who_leaves_ends_all(llama):
    pool = AdapterPool(200, WIDTH)
    engine = Engine(llama, pool)
    tokens = continued(llama, [5], 12)
    stop = tokens[4]
    (made,) = engine.complete([Request([5], 12, stop={stop})])
    assert list(made.tokens) == tokens[: tokens.index(stop) + 1]
    assert made.reason == "stop"
    stream = engine.generate([Request([5], 12), Request([6], 12)])
    next(stream)
    assert pool.free < 200
    stream.close()
    assert (engine.busy, pool.free) == (False, 200)


def test_requests_that_begin_alike_share_pages(llama):
    prompt = list(range(40))
    engine = Engine(llama, AdapterPool(400, WIDTH))
    engine.submit(Request(prompt, 8))
    engine.step()
    alone = engine.pool.free
    engine.submit(Request([*prompt, 3], 8))
    engine.step()
    block = engine.store.block
    assert alone - engine.pool.free <= engine.store.pages_for(3 * block)
    shared = [page for page in range(400) if engine.pool.memory.users(page) == 2]
    assert len(shared) == (len(prompt) // block) * engine.store.block_pages
    made: dict[int, list[int]] = {1: [], 2: []}
    while engine.busy:
        for token in engine.step():
            made[token.request].append(token.token)
    assert made[2][-6:] == continued(llama, [*prompt, 3], 8)[-6:]
    assert engine.pool.free == 400


def test_random_requests_leak_no_page(llama, adapters):
    """Cancelled, stopped, preempted and finished: every page comes back."""
    engine = Engine(llama, AdapterPool(220, WIDTH), adapters, limits=Limits(5, 16))
    rng, ended = random.Random(3), 0
    for request in _requests(60, seed=4):
        stop = {rng.randrange(VOCABULARY) for _ in range(6)}
        engine.submit(Request(request.prompt, request.max_tokens, stop, request.adapter))
        for token in engine.step():
            ended += token.reason is not None
        if rng.random() < 0.1:
            engine.cancel(rng.randint(1, 60))
        used = [p for p in range(220) if engine.pool.memory.users(p)]
        assert len(used) + engine.pool.free == 220
    while engine.busy:
        ended += sum(token.reason is not None for token in engine.step())
    assert ended > 40
    _assert_all_free(engine)


@pytest.mark.parametrize("period", [1, 4])
def test_strict_correction_changes_nothing(period, llama, adapters, with_adapter):
    drafter = copy.deepcopy(llama)
    for layer in drafter.model.layers:
        weight = layer.mlp.up_proj.weight
        weight.data[weight.abs() < weight.abs().median() / 2] = 0
    engine = Engine(
        llama, AdapterPool(2000, WIDTH), adapters, drafter=drafter, correction=Correction(period)
    )
    requests = _requests(8, seed=2)
    for request, made in zip(requests, engine.complete(requests), strict=True):
        assert list(made.tokens) == _expected(request, with_adapter)
    _assert_all_free(engine)


def test_correction_takes_fewer_steps(llama):
    steps = {}
    for drafter in (None, llama):
        engine = Engine(llama, AdapterPool(200, WIDTH), drafter=drafter, correction=Correction(3))
        engine.submit(Request([5, 6], 17))
        steps[drafter is None] = 0
        while engine.busy:
            engine.step()
            steps[drafter is None] += 1
    assert steps == {True: 17, False: 5}


def test_a_plan_attends_as_transformers_does_with_it(llama):
    plan = AttentionPlan.uniform(AShape(1, 1, 16), 2, 4)
    engine = Engine(llama, AdapterPool(400, WIDTH), plan=plan)
    sparse = apply_sparse_attention(small_llama(), plan)
    requests = [Request([i * j % VOCABULARY for i in range(70)], 8) for j in (3, 5)]
    for request, made in zip(requests, engine.complete(requests), strict=True):
        assert list(made.tokens) == continued(sparse, request.prompt, 8)
        assert list(made.tokens) != continued(llama, request.prompt, 8)


def test_impossible_requests_are_refused_before_anything_runs(llama, adapters):
    engine = Engine(llama, AdapterPool(60, WIDTH), adapters)
    for request, code in (
        (Request([]), "E0096.*empty"),
        (Request([VOCABULARY]), "E0096.*ids from 0"),
        (Request([1], 0), "E0096.*at least 1"),
        (Request([1], CONTEXT), f"E0096.*{CONTEXT} in all"),
        (Request([1], adapter="b"), "E0096.*no adapter 'b'"),
        (Request([1] * 60, 8), "E0097.*68 pages"),
    ):
        with pytest.raises(EdgeError, match=f"(?s){code}"):
            list(engine.generate([Request([1], 4), request]))
        assert not engine.busy
    with pytest.raises(EdgeError, match=r"(?s)E0096.*a page holds 8"):
        Engine(llama, AdapterPool(60, 8))


def test_an_adapter_for_another_model_is_refused_at_once(llama):
    for layer in ("model.layers.0.self_attn.q_proj", "model.layers.9.self_attn.q_proj"):
        wrong = {layer: LowRank(torch.zeros(2, 48), torch.zeros(32, 2), 1.0)}
        with pytest.raises(EdgeError, match="E0091"):
            Engine(llama, AdapterPool(60, WIDTH), {"wrong": wrong})


def test_pages_that_others_hold_are_one_clear_error(llama):
    engine = Engine(llama, AdapterPool(60, WIDTH))
    engine.submit(Request([1], 40))
    engine.step()
    engine.pool.memory.take(engine.pool.free)
    with pytest.raises(EdgeError, match=r"E0090.*a request needs"):
        _run(engine)


def _run(engine: Engine) -> None:
    while engine.busy:
        engine.step()


def test_what_would_not_be_exact_is_refused(llama):
    plan = AttentionPlan.uniform(AShape(1, 1, 16), 2, 4)
    with pytest.raises(EdgeError, match=r"(?s)E0096.*a plan or a drafter"):
        Engine(llama, AdapterPool(60, WIDTH), plan=plan, drafter=llama)
    window = copy.copy(llama)
    window.config = copy.copy(llama.config)
    window.config.layer_types = ["sliding_attention", "full_attention"]
    with pytest.raises(EdgeError, match=r"(?s)E0096.*sliding"):
        Engine(window, AdapterPool(60, WIDTH))
