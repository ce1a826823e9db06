"""Golden vectors of the packed format, which torch, Triton and the device's kernels all run.

    python -m tests.gpu.golden.packed_sparse      writes packed_sparse.safetensors beside this file

A case is a pattern, a number of bits and a number of inputs, with tails where groups do not divide
it. Of its rows one is empty, one has weights at both ends, one has its last weight alone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from safetensors import safe_open
from safetensors.torch import save

from edge.gpu.linear import PackedSparse, pack
from edge.reference import run
from edge.sparsity.layerwise.row_masks import keep_mask
from edge.sparsity.pattern_names import parse_pattern
from edge.sparsity.patterns import Block
from tests.gpu.golden.device_layer import device_layer

FILE = Path(__file__).with_name("packed_sparse.safetensors")
SHA256 = "4f29305d81b6912bccade58662bddb39ef447ca57022359bb8e871dfcfc7e26a"

PATTERNS = ("2:4", "1:4", "4:8", "variable", "1x4", "4x4", "2x16", "unstructured")
BITS = (4, 8, 16, 32)
INPUTS = (32, 43)
OUTPUTS, TOKENS = 8, 2


@dataclass(frozen=True)
class Golden:
    """What packing `weight` must give, and the products with int8 inputs `x` [tokens, in].

    product: float64[tokens, out]. device: int8[tokens, out], what a layer of the device makes of x
    (`device_layer`), for 8 bits only.
    """

    pattern: str
    bits: int
    weight: torch.Tensor
    packed: dict[str, torch.Tensor]
    x: torch.Tensor
    product: torch.Tensor
    device: torch.Tensor | None

    def __str__(self) -> str:
        return f"{self.pattern}-{self.bits}-{self.weight.shape[1]}"

    @property
    def drawn(self) -> str:
        """The name of weight and inputs, which all numbers of bits share."""
        return f"{self.pattern}-{self.weight.shape[1]}"

    @property
    def form(self) -> PackedSparse:
        """The packed weight of the file's tensors."""
        fields = {"scale": None, "tail": None, **self.packed}
        shape = (self.weight.shape[0], self.weight.shape[1])
        return PackedSparse(shape, parse_pattern(self.pattern), bits=self.bits, **fields)


def weights(pattern: str, inputs: int, rng: np.random.Generator) -> torch.Tensor:
    """Masked weights [OUTPUTS, inputs]: sixteenths, so that every sum of products is exact."""
    drawn = rng.integers(-40, 41, (OUTPUTS, inputs))
    drawn[2] = rng.choice((-40, 40), inputs)
    weight = torch.from_numpy(drawn).float() / 16
    parsed = parse_pattern(pattern)
    if isinstance(parsed, Block):
        tiles = -(-OUTPUTS // parsed.out), -(-inputs // parsed.into)
        kept = np.kron(rng.random(tiles) < 0.5, np.ones((parsed.out, parsed.into)))
        mask = torch.from_numpy(kept > 0)[:OUTPUTS, :inputs]
    else:
        scores = torch.from_numpy(rng.permutation(weight.numel()).reshape(weight.shape))
        mask = keep_mask(scores.float() + 1, parsed, 0.6)
    weight = weight * mask
    weight[1] = 0
    weight[3, :-1] = 0
    return weight


def cases() -> Iterator[Golden]:
    """Made anew."""
    rng = np.random.default_rng(7)
    for pattern, inputs in product(PATTERNS, INPUTS):
        weight = weights(pattern, inputs, rng)
        x = rng.integers(-128, 128, (TOKENS, inputs)).astype(np.int8)
        yield from (_case(pattern, bits, weight, x) for bits in BITS)


def _case(pattern: str, bits: int, weight: torch.Tensor, x: npt.NDArray[np.int8]) -> Golden:
    packed = pack(weight, parse_pattern(pattern), bits)
    product = torch.from_numpy(x.astype(np.float64) @ packed.dense().double().numpy().T)
    device = None
    if bits == 8:
        graph = device_layer(packed.numbers().numpy(), packed.scale.numpy(), TOKENS)
        device = torch.from_numpy(run(graph, [x])["y"])
    return Golden(pattern, bits, weight, packed.tensors(), torch.from_numpy(x), product, device)


def contents() -> bytes:
    """The file."""
    tensors, heads = {}, {}
    for golden in cases():
        heads[str(golden)] = {"pattern": golden.pattern, "bits": golden.bits}
        shared = {"weight": golden.weight, "x": golden.x}
        tensors |= {f"{golden.drawn}/{name}": tensor for name, tensor in shared.items()}
        named = {"product": golden.product}
        named |= {f"packed.{name}": tensor for name, tensor in golden.packed.items()}
        if golden.device is not None:
            named["device"] = golden.device
        tensors |= {f"{golden}/{name}": tensor.contiguous() for name, tensor in named.items()}
    return save(tensors, {"cases": json.dumps(heads)})


def load() -> list[Golden]:
    """The cases of the file."""
    with safe_open(FILE, "pt") as opened:
        heads = json.loads(opened.metadata()["cases"])
        tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    return [_golden(name, head, tensors) for name, head in heads.items()]


def _golden(name: str, head: dict[str, object], tensors: dict[str, torch.Tensor]) -> Golden:
    mine = {n.removeprefix(f"{name}/"): t for n, t in tensors.items() if n.startswith(f"{name}/")}
    packed = {n.removeprefix("packed."): t for n, t in mine.items() if n.startswith("packed.")}
    drawn = f"{head['pattern']}-{name.rpartition('-')[2]}"
    return Golden(
        head["pattern"], head["bits"], tensors[f"{drawn}/weight"], packed, tensors[f"{drawn}/x"],
        mine["product"], mine.get("device"),
    )  # fmt: skip


if __name__ == "__main__":
    made = contents()
    FILE.write_bytes(made)
    print(len(made), hashlib.sha256(made).hexdigest())
