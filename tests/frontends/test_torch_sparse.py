"""torch's sparse tensors as constants of a model: dense once imported, the model unchanged."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.sparse import (
    SparseSemiStructuredTensorCUSPARSELT,
    SparseSemiStructuredTensorCUTLASS,
)
from torch.sparse._semi_structured_conversions import sparse_semi_structured_from_dense_cutlass

from edge.errors import EdgeError
from edge.frontends import load
from edge.passes.pipeline import FLOAT_PASSES, INTEGER_PASSES, run_passes
from edge.planning.choice import cheapest
from edge.quantization.ptq import quantize
from edge.reference import run_batch
from edge.sparsity.pattern_names import parse_pattern
from edge.sparsity.sparse_tensors import dense, dense_state, densify, from_packed
from edge.target import load_target

Sparsify = Callable[[torch.Tensor], torch.Tensor]


@pytest.fixture(autouse=True)
def no_prototype_warnings() -> object:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def pruned(rows: int, columns: int, pattern: str, dtype: torch.dtype) -> torch.Tensor:
    """Seeded weights with half of them zero."""
    weight = torch.randn(rows, columns, generator=torch.Generator().manual_seed(3))
    scores = weight.abs().numpy()[:, None]
    kept = torch.from_numpy(parse_pattern(pattern).mask(scores, 0.5))[:, 0]
    scaled = (40 * weight).round() if dtype is torch.int8 else weight
    return torch.where(kept, scaled, 0).to(dtype)


def semi_structured(weight: torch.Tensor) -> SparseSemiStructuredTensorCUTLASS:
    """Packed on this machine, as `to_sparse_semi_structured` does on a GPU."""
    values, metadata = sparse_semi_structured_from_dense_cutlass(weight)
    return SparseSemiStructuredTensorCUTLASS(weight.shape, values, metadata, None, None, None)


class Net(nn.Module):
    """One sparse linear layer behind a dense one."""

    def __init__(self, weight: torch.Tensor) -> None:
        super().__init__()
        self.first = nn.Linear(32, weight.shape[1])
        self.second = nn.Linear(weight.shape[1], weight.shape[0])
        self.second.weight = nn.Parameter(weight, requires_grad=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden: torch.Tensor = self.second(self.first(x).relu())
        return hidden


def net(weight: torch.Tensor) -> Net:
    torch.manual_seed(4)
    return Net(weight).eval()


LAYOUTS: dict[str, Sparsify] = {
    "CSR": lambda weight: weight.to_sparse_csr(),
    "CSC": lambda weight: weight.to_sparse_csc(),
    "BSR": lambda weight: weight.to_sparse_bsr((4, 2)),
    "BSC": lambda weight: weight.to_sparse_bsc((4, 2)),
    "semi-structured": semi_structured,
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_module_with_a_sparse_weight_is_the_dense_one(layout: str) -> None:
    weight = pruned(32, 64, "1:2", torch.float32)
    x = torch.randn(5, 32, generator=torch.Generator().manual_seed(5))
    with torch.no_grad():
        expected = net(weight)(x).numpy()
    graph = load((net(LAYOUTS[layout](weight)), (x[:1],))).graph
    (ours,) = run_batch(graph, [x.numpy()])
    np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-5)
    stored = graph.constant([node for node in graph.nodes if node.op == "linear"][1].inputs[1])
    assert np.array_equal(stored, weight.numpy())


def test_a_file_with_a_semi_structured_weight_takes_sparse_kernels(tmp_path: Path) -> None:
    weight = pruned(64, 128, "1:2", torch.float32)
    for row in range(64):  # still 1 of 2: few enough blocks for sparse kernels, on every input
        weight[row, torch.arange(128) // 4 % 16 != row % 16] = 0
    program = torch.export.export(net(semi_structured(weight)), (torch.zeros(1, 32),))
    torch.export.save(program, tmp_path / "net.pt2")
    samples = np.random.default_rng(6).normal(size=(16, 32)).astype(np.float32)
    graph = run_passes(load(str(tmp_path / "net.pt2")).graph, FLOAT_PASSES)
    graph = run_passes(quantize(graph, [samples]), INTEGER_PASSES)
    assert cheapest(graph, load_target("cortex-m7").kernels)[graph.nodes[-1].name].sparse


@pytest.mark.parametrize("layout", [torch.sparse_coo, torch.sparse_csr])
def test_to_dense_in_forward_is_folded(layout: torch.layout) -> None:
    class Dense(nn.Module):
        def __init__(self, weight: torch.Tensor) -> None:
            super().__init__()
            self.register_buffer("weight", weight)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return nn.functional.linear(x, self.weight.to_dense())

    weight = pruned(32, 64, "1:2", torch.float32)
    x = torch.randn(2, 64, generator=torch.Generator().manual_seed(5))
    (ours,) = run_batch(load((Dense(weight.to_sparse(layout=layout)), (x[:1],))).graph, [x.numpy()])
    np.testing.assert_allclose(ours, (x @ weight.T).numpy(), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("dtype", "pattern"),
    [
        (torch.float16, "2:4"),
        (torch.bfloat16, "2:4"),
        (torch.float32, "1:2"),
        (torch.int8, "2:4"),
    ],
)
def test_packed_values_and_metadata_are_unpacked(dtype: torch.dtype, pattern: str) -> None:
    weight = pruned(64, 256, pattern, dtype)
    values, metadata = sparse_semi_structured_from_dense_cutlass(weight)
    assert torch.equal(from_packed(values, metadata), weight)
    assert torch.equal(dense(semi_structured(weight)), weight)


def test_a_module_becomes_dense_and_float() -> None:
    weight = pruned(32, 64, "2:4", torch.float16)
    module = densify(net(semi_structured(weight))).float()
    assert isinstance(module, Net)
    assert torch.equal(module.second.weight, weight.float())
    assert module(torch.zeros(1, 32)).shape == (1, 32)


def test_a_state_dict_with_sparse_tensors_loads_into_the_dense_module() -> None:
    weight = pruned(32, 64, "2:4", torch.float16)
    file = io.BytesIO()
    torch.save(net(semi_structured(weight)).state_dict(), file)
    file.seek(0)
    module = net(torch.zeros(32, 64))
    module.load_state_dict(dense_state(torch.load(file, weights_only=False)))
    assert torch.equal(module.second.weight, weight.float())


def test_a_state_dict_with_packed_pairs_loads_into_the_dense_module() -> None:
    weight = pruned(32, 64, "2:4", torch.float16)
    values, metadata = sparse_semi_structured_from_dense_cutlass(weight)
    state = net(weight).state_dict()
    del state["second.weight"]
    state["second.parametrizations.weight.original0"] = values
    state["second.parametrizations.weight.original1"] = metadata
    module = net(torch.zeros(32, 64))
    module.load_state_dict(dense_state(state))
    assert torch.equal(module.second.weight, weight.float())


def test_pairs_of_other_parametrizations_stay() -> None:
    state = nn.utils.parametrizations.weight_norm(nn.Linear(4, 4)).state_dict()
    assert dense_state(state).keys() == state.keys()


def test_cusparselt_is_refused_by_name() -> None:
    packed = torch.zeros(32 * 64 // 2 + 128, dtype=torch.float16)
    weight = SparseSemiStructuredTensorCUSPARSELT(
        torch.Size((32, 64)), packed, None, None, None, None
    )
    with pytest.raises(EdgeError, match=r"E0103.*second.weight is packed by cuSPARSELt"):
        densify(net(weight))


@pytest.mark.parametrize(
    ("values", "metadata"),
    [
        (torch.zeros(32, 32), torch.zeros(32, 4, dtype=torch.int16)),  # too few columns
        (torch.zeros(32, 32), torch.zeros(16, 8, dtype=torch.int16)),  # too few rows
        (torch.zeros(32, 32), torch.zeros(32, 8, dtype=torch.int8)),  # no metadata type
        (torch.zeros(2048), torch.zeros(256, dtype=torch.int16)),  # flat
    ],
)
def test_contradicting_metadata_are_refused(values: torch.Tensor, metadata: torch.Tensor) -> None:
    with pytest.raises(EdgeError, match=r"E0103.*head.weight holds .* no semi-structured"):
        from_packed(values, metadata, "head.weight")
