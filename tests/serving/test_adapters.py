"""The adapter pool loses and shares no page; a mixed batch equals peft's and separate runs."""

from __future__ import annotations

import random
from contextlib import ExitStack

import pytest
import torch

from edge.errors import EdgeError
from edge.serving import AdapterPool, LowRank, mixed_batch, read_adapter
from edge.serving.grouped_lora import grouped_lora_

RANKS = (1, 2, 3, 4, 8, 16)
ADAPTERS = 64


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


def _low_rank(rank: int, width: int = 4) -> LowRank:
    return LowRank(torch.full((rank, width), 1.0), torch.ones(width, rank), 1.0)


def _network() -> torch.nn.Module:
    torch.manual_seed(0)
    parts = torch.nn.Linear(40, 72), torch.nn.ReLU(), torch.nn.Linear(72, 24)
    return torch.nn.Sequential(*parts).eval()


@pytest.fixture(scope="module")
def peft_model():
    """64 adapters of six ranks, of which every third leaves the second layer alone."""
    peft = pytest.importorskip("peft", reason="needs peft: pip install 'edge-nn[llm]'")
    torch.manual_seed(1)
    model = None
    for index in range(ADAPTERS):
        config = peft.LoraConfig(
            r=RANKS[index % len(RANKS)], lora_alpha=3, init_lora_weights=False,
            target_modules=["0"] if index % 3 == 0 else ["0", "2"], use_rslora=index % 5 == 0,
        )  # fmt: skip
        if model is None:
            model = peft.get_peft_model(_network(), config, f"a{index}")
        else:
            model.add_adapter(f"a{index}", config)
    return model.eval()


@pytest.fixture(scope="module")
def pool(peft_model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("adapters")
    peft_model.save_pretrained(folder)
    pool = AdapterPool(2000, 80)
    for index in range(ADAPTERS):
        pool.load(f"a{index}", read_adapter(folder / f"a{index}"))
    return pool


@pytest.mark.parametrize("backend", ["reference", "triton"])
@torch.no_grad()
def test_64_adapters_of_mixed_ranks_in_one_batch_equal_peft_and_separate_runs(
    backend, peft_model, pool
):
    if backend == "triton":
        pytest.importorskip("triton", reason="needs triton: pip install 'edge-nn[llm]' on Linux")
    names = [f"a{index}" for index in range(ADAPTERS)] + [None, None]
    x, network = torch.randn(len(names), 2, 40), _network()
    with mixed_batch(network, pool, names, backend):
        mixed = network(x)
    theirs = peft_model(x, adapter_names=[name or "__base__" for name in names])
    assert float((mixed - theirs).abs().max()) <= 1e-5
    for row, name in enumerate(names):
        with mixed_batch(network, pool, [name], "reference"):
            assert torch.allclose(network(x[row : row + 1])[0], mixed[row], atol=1e-5)
    assert torch.equal(network(x)[-1], mixed[-1])


def test_10_000_random_requests_leak_no_page_and_use_none_twice():
    rng, pool, refused, started = random.Random(0), AdapterPool(60, 4), 0, 0
    batches: list[tuple[ExitStack, str]] = []
    for _ in range(10_000):
        name = f"a{rng.randrange(30)}"
        try:
            if name not in pool:
                pool.load(name, {"layer": _low_rank(rng.choice(RANKS[:5]))})
            batch = ExitStack()
            batch.enter_context(pool.pinned([name, name]))
            batches.append((batch, name))
            started += 1
        except EdgeError as error:
            refused += error.diagnostics[0].code == "E0090"
        while batches and rng.random() < 0.45:
            batches.pop(rng.randrange(len(batches)))[0].close()
        used = [page for i in range(30) if f"a{i}" in pool for page in pool.pages(f"a{i}")]
        assert len(set(used)) == len(used)
        assert len(used) + pool.free == 60
        assert all(name in pool for _, name in batches)
    assert refused > 100
    assert refused + started == 10_000
    for batch, _ in batches:
        batch.close()
    for index in range(30):
        if f"a{index}" in pool:
            pool.evict(f"a{index}")
    assert pool.free == 60


def test_the_adapter_used_longest_ago_makes_room():
    pool = AdapterPool(12, 4)
    for name in "abc":
        pool.load(name, {"layer": _low_rank(2)})
    with pool.pinned(["a"]):
        pass
    pool.load("d", {"layer": _low_rank(2)})
    assert ["a" in pool, "b" in pool, "c" in pool, "d" in pool] == [True, False, True, True]


def test_an_adapter_that_a_batch_uses_is_neither_evicted_nor_replaced():
    pool = AdapterPool(8, 4)
    pool.load("a", {"layer": _low_rank(2)})
    with pool.pinned(["a"]):
        with pytest.raises(EdgeError, match=r"E0090.*needs 6, 4 can be had"):
            pool.load("b", {"layer": _low_rank(3)})
        for change in (lambda: pool.evict("a"), lambda: pool.load("a", {"l": _low_rank(1)})):
            with pytest.raises(EdgeError, match="E0091"):
                change()
    assert "a" in pool
    assert pool.free == 4
    pool.load("b", {"layer": _low_rank(3)})
    assert "a" not in pool


def test_an_adapter_for_another_model_is_refused():
    pool, network = AdapterPool(20, 50), _network()
    pool.load("sizes", {"0": _low_rank(2, 50)})
    pool.load("names", {"decoder.0": _low_rank(2, 40)})
    for name, reason in (("sizes", "40 inputs"), ("names", "no linear layer"), ("x", "not loaded")):
        with pytest.raises(EdgeError, match=f"E0091.*{reason}"), mixed_batch(network, pool, [name]):
            network(torch.zeros(1, 40))
    with pytest.raises(EdgeError, match=r"E0091.*wider than a page"):
        pool.load("wide", {"0": _low_rank(1, 51)})
    free = pool.free
    with pytest.raises(EdgeError, match=r"E0091.*rank 1 and 2"):
        pool.load("ranks", {"0": LowRank(torch.zeros(1, 4), torch.zeros(4, 2), 1.0)})
    assert pool.free == free


def test_an_unknown_backend_is_refused():
    with pytest.raises(EdgeError, match="E0091"):
        grouped_lora_(torch.zeros(1, 4), torch.zeros(1, 4), AdapterPool(1, 4), "q", [None], "cuda")


def test_damaged_and_other_adapters_are_refused(tmp_path):
    with pytest.raises(EdgeError, match=r"E0091.*cannot be read"):
        read_adapter(tmp_path)
