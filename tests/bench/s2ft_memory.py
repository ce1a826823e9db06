"""Bytes that full tuning, LoRA and S2FT of stories260K keep for the backward pass.

    python tests/bench/s2ft_memory.py [--json]

Batch 8 x 256, float32; weights do not count.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from edge.cli.tables import print_table
from edge.tuning.attach import attach
from edge.tuning.s2ft import ATTENTION, FEED_FORWARD, S2FTConfig

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # found from any folder

from tests.models.stories260k import load_stories


@dataclass(frozen=True)
class Row:
    way: str
    trainable: int
    saved_bytes: int


def measure(way: str, model: Any, batch: int = 8, length: int = 256) -> Row:
    """Trainable parameters, and the bytes of the storages saved by one training step."""
    own = {t.untyped_storage().data_ptr() for t in [*model.parameters(), *model.buffers()]}
    saved: dict[int, int] = {}
    kept = []

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            saved[storage.data_ptr()] = storage.nbytes()
            kept.append(storage)  # its address must not be used again
        return tensor

    ids = torch.randint(3, 512, (batch, length), generator=torch.Generator().manual_seed(0))
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        model.train()(ids, labels=ids).loss.backward()
    trainable = sum(p.numel() for p in model.parameters() if p.requires_grad)
    return Row(way, trainable, sum(saved.values()))


def rows(batch: int = 8, length: int = 256) -> list[Row]:
    """Full tuning, LoRA of rank 8 on all linear layers, S2FT of 16 channels and a head."""
    from peft import LoraConfig, get_peft_model

    lora = LoraConfig(r=8, target_modules=[*ATTENTION, *FEED_FORWARD])
    sliced = load_stories()
    attach(sliced, S2FTConfig(channels=16, heads=1))
    models = {"full": load_stories(), "lora": get_peft_model(load_stories(), lora), "s2ft": sliced}
    return [measure(way, model, batch, length) for way, model in models.items()]


def main() -> None:
    """Print a row for each way."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    found = rows()
    if options.json:
        print(json.dumps([asdict(row) for row in found], indent=2))
        return
    cells = [(r.way, f"{r.trainable:,}", f"{r.saved_bytes / 1e6:.1f} MB") for r in found]
    print_table(("way", "trainable", "saved"), cells)


if __name__ == "__main__":
    main()
