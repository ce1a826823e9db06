"""Tokens a second of the engine against transformers' generate, request by request, on one core.

    python tests/bench/serving.py [--requests 32] [--tokens 48] [--adapters 8] [--json]

stories260K with random adapters of ranks 4 to 32. Tokens must be equal to those of generate with
the adapter merged. A drafter computes half of the feed-forward neurons.
"""

from __future__ import annotations

import argparse
import copy
import json
import random
import sys
import time
from pathlib import Path
from typing import Any

import torch

from edge.cli.tables import print_table
from edge.serving import Adapter, AdapterPool, Correction, Engine, LowRank, Request
from edge.serving.contextual import contextual_drafter

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # found from any folder

from tests.models.stories260k import load_stories, real_texts

RANKS = (4, 8, 16, 32)


def adapter(model: Any, rank: int, seed: int) -> Adapter:
    """Small changes to the queries, values and the last feed-forward layer of every block."""
    generator = torch.Generator().manual_seed(seed)
    parts = ("self_attn.q_proj", "self_attn.v_proj", "mlp.down_proj")
    return {
        name: LowRank(
            torch.randn(rank, layer.in_features, generator=generator) / layer.in_features**0.5,
            torch.randn(layer.out_features, rank, generator=generator) / rank,
            0.2,
        )
        for name, layer in model.named_modules()
        if name.endswith(parts)
    }


def merged(model: Any, its: Adapter) -> Any:
    """A copy of the model with an adapter in its weights."""
    made = copy.deepcopy(model)
    for name, part in its.items():
        made.get_submodule(name).weight.data += part.scale * part.up @ part.down
    return made


def one_by_one(models: dict[str | None, Any], requests: list[Request]) -> list[list[int]]:
    """What generate makes of each request."""
    made = []
    for request in requests:
        ids = torch.tensor([list(request.prompt)])
        out = models[request.adapter].generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=request.max_tokens,
            do_sample=False, pad_token_id=0, eos_token_id=-1,
        )  # fmt: skip
        made.append(out[0, ids.shape[1] :].tolist())
    return made


def main() -> None:
    """Print a row for each way of serving."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--requests", type=int, default=32)
    parser.add_argument("--tokens", type=int, default=48)
    parser.add_argument("--adapters", type=int, default=8)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    model, rng = load_stories(), random.Random(0)
    adapters = {f"a{i}": adapter(model, RANKS[i % 4], i) for i in range(arguments.adapters)}
    names = [None, *adapters]
    texts = [ids.tolist() for ids in real_texts()]
    requests = [
        Request(
            rng.choice(texts)[: rng.randint(4, 64)], arguments.tokens, adapter=rng.choice(names)
        )
        for _ in range(arguments.requests)
    ]
    models = {None: model, **{name: merged(model, its) for name, its in adapters.items()}}
    begin = time.perf_counter()
    wanted = one_by_one(models, requests)
    rows = [_row("generate, one by one", arguments, time.perf_counter() - begin, wanted, wanted)]
    drafter = contextual_drafter(model, 0.5)
    for name, settings in (
        ("engine", {}),
        ("engine with drafts", {"drafter": drafter, "correction": Correction(8)}),
    ):
        engine = Engine(model, AdapterPool(8000, 192), adapters, **settings)
        begin = time.perf_counter()
        made = [list(completion.tokens) for completion in engine.complete(requests)]
        rows.append(_row(name, arguments, time.perf_counter() - begin, made, wanted))
    if arguments.json:
        print(json.dumps({"rows": rows}))
        return
    print_table(tuple(rows[0]), [tuple(row.values()) for row in rows])


def _row(
    name: str, arguments: Any, seconds: float, made: list[list[int]], wanted: list[list[int]]
) -> dict[str, Any]:
    tokens = sum(map(len, made))
    equal = sum(a == b for a, b in zip(made, wanted, strict=True))
    return {
        "served by": name, "tokens_per_second": round(tokens / seconds, 1),
        "equal_to_generate": f"{equal} of {arguments.requests}",
    }  # fmt: skip


if __name__ == "__main__":
    main()
