"""Trains the networks of the page on scripted drawings and writes weights.npz beside this file.

    python apps/web/pretrain.py

First the features, on all shapes but the unseen ones; then half of the weights of the pointwise
layers are pruned in blocks and the others trained on; then a head for the known classes and the
spare ones, on features that stay as they are, dense and sparse.
"""

from __future__ import annotations

import argparse
import copy
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from drawing.network import SPARE, network
from drawing.pictures import drawings
from drawing.shapes import KNOWN, PRACTICE, Shape
from torch import nn

from edge.workflow.prune import prune

WEIGHTS = Path(__file__).with_name("weights.npz")
PATTERN, SPARSITY = "4x4", 0.5

Set = tuple[torch.Tensor, torch.Tensor]


def fit(module: nn.Module, data: Set, epochs: int, rate: float) -> None:
    """AdamW with one cycle of the learning rate, on pictures that jitter by a pixel."""
    x, y = data
    steps = epochs * -(-len(x) // 64)
    optimizer = torch.optim.AdamW(module.parameters(), weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps)
    for epoch in range(epochs):
        total, start = 0.0, time.monotonic()
        for chosen in torch.randperm(len(x)).split(64):
            loss = nn.functional.cross_entropy(module(x[chosen]), y[chosen], label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item() * len(chosen)
        print(f"epoch {epoch + 1}/{epochs}: loss {total / len(x):.3f}, "
              f"{time.monotonic() - start:.0f} s", file=sys.stderr)  # fmt: skip


def with_head(body: nn.Module, data: Set, epochs: int) -> nn.Sequential:
    """The features as they are, and a new head for the known classes and the spare ones."""
    whole = network(len(KNOWN) + SPARE).eval()
    whole[0].load_state_dict(body.state_dict())
    with torch.no_grad():
        seen = torch.cat([whole[0](part) for part in data[0].split(256)])
    fit(whole[1], (seen, data[1]), epochs, 2e-2)
    return whole


def right(module: nn.Module, data: Set) -> float:
    """Share of the pictures that are recognized."""
    with torch.no_grad():
        return float((module(data[0]).argmax(1) == data[1]).float().mean())


def _set(shapes: Mapping[str, Shape], count: int, seed: int, pens: bool = True) -> Set:
    images, labels = drawings(shapes, count, seed, pens)
    return torch.from_numpy(images), torch.from_numpy(labels)


def _half(value: torch.Tensor) -> np.ndarray:
    return (value.half() if value.is_floating_point() else value).numpy()


def main() -> None:
    """Train, report and write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--drawings", type=int, default=400, help="of each shape")
    parser.add_argument("--epochs", type=int, default=8)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    data = _set({**KNOWN, **PRACTICE}, arguments.drawings, seed=0)
    known = _set(KNOWN, arguments.drawings, seed=1)
    held_out = _set(KNOWN, 100, seed=2, pens=False)

    dense = network(len(KNOWN) + len(PRACTICE)).train()
    fit(dense, data, arguments.epochs, 6e-3)
    pruned = prune((copy.deepcopy(dense), (data[0][:1],)), PATTERN, SPARSITY, data,
                   epochs=arguments.epochs // 2, progress=False)  # fmt: skip
    written = {}
    for name, module in (("dense", dense), ("sparse", pruned.module)):
        whole = with_head(module.eval()[0], known, 10)
        print(f"{name}: {right(whole, held_out):.4f} of {len(held_out[0])} held-out drawings")
        written |= {f"{name}.{key}": _half(value) for key, value in whole.state_dict().items()}
    np.savez_compressed(WEIGHTS, **written)


if __name__ == "__main__":
    main()
