"""Packed sparse weights: one format for torch, Triton and the device's kernels."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from edge.emit.project import emit
from edge.errors import EdgeError
from edge.gpu.linear import (
    NMLinear,
    load_packed,
    nm_linear,
    pack,
    save_packed,
    sparsify_linears_,
)
from edge.gpu.linear.device import from_block_rows, to_block_rows
from edge.planning import plan
from edge.runners.browser import BrowserRunner
from edge.sparsity.layerwise.row_masks import keep_mask
from edge.sparsity.pattern_names import parse_pattern
from edge.sparsity.patterns import NM, Block, Channel, Unstructured
from edge.sparsity.variable_nm import VariableNM
from edge.target import load_target
from edge.toolchains import build, find_toolchain
from edge.workflow.project import write_project
from tests.emulators.dsp_firmware import Case, run_cases
from tests.emulators.wasm_module import failures
from tests.gpu.golden import packed_sparse
from tests.gpu.golden.device_layer import device_layer
from tests.gpu.golden.packed_sparse import Golden
from tests.kernels import cases as host_cases
from tests.kernels import host

GOLDEN = packed_sparse.load()
INT8 = [golden for golden in GOLDEN if golden.bits == 8]


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


def test_the_generator_makes_the_checked_in_file():
    stored = packed_sparse.FILE.read_bytes()
    assert hashlib.sha256(stored).hexdigest() == packed_sparse.SHA256
    assert packed_sparse.contents() == stored


@pytest.mark.parametrize("golden", GOLDEN, ids=str)
def test_golden_vectors_in_torch(golden: Golden):
    packed = pack(golden.weight, parse_pattern(golden.pattern), golden.bits)
    assert packed.tensors().keys() == golden.packed.keys()
    for name, tensor in golden.packed.items():
        assert torch.equal(packed.tensors()[name], tensor), name
    assert packed.is_whole()
    steps = {4: golden.weight.abs().max() / 7, 8: golden.weight.abs().max() / 127, 16: 0, 32: 0}
    assert (golden.form.dense() - golden.weight).abs().max() <= 0.5 * steps[golden.bits] + 1e-3
    _assert_product(golden, "reference")


IN_TRITON = [
    golden
    for golden in GOLDEN
    if golden.weight.shape[1] % 4
    and not (golden.bits > 8 and golden.pattern in ("variable", "unstructured"))
]
"""With tails; of single weights, which the interpreter runs slowly, those with scales alone."""


@pytest.mark.parametrize("golden", IN_TRITON, ids=str)
def test_golden_vectors_in_triton(golden: Golden):
    pytest.importorskip("triton", reason="needs triton: pip install 'edge-nn[llm]' on Linux")
    _assert_product(golden, "triton")


def _assert_product(golden: Golden, backend: str) -> None:
    bias = torch.arange(8.0)
    made = nm_linear(golden.x.float(), replace(golden.form, bias=bias), backend)
    limit = 1e-6 * float(golden.product.abs().max())
    assert float((made - bias - golden.product).abs().max()) <= limit


@dataclass(frozen=True, eq=False)
class GoldenCase(Case):
    """A case whose output is that of the golden file."""

    golden: np.ndarray = None  # type: ignore[assignment]

    @property
    def expected(self) -> np.ndarray:
        return self.golden


def _device_cases(kernel: str, op: str = "linear") -> list[GoldenCase]:
    """The golden layers that a kernel takes; its packer gets the dense form of the packed one."""
    found = []
    for golden in INT8:
        scale = golden.form.scale.numpy()
        graph = device_layer(golden.form.numbers().numpy(), scale, packed_sparse.TOKENS, op)
        x = golden.x.numpy().reshape(graph.type("x0").shape)
        expected = golden.device.numpy().reshape(graph.type("y").shape)
        case = GoldenCase(str(golden), graph, kernel, (x,), golden=expected)
        if case.chosen.accepts(graph, graph.nodes[0]):
            found.append(case)
    return found


def test_golden_vectors_in_portable_c(tmp_path):
    kernels = host.Kernels(host.build(tmp_path, only=["linear_sparse_s8"]))
    cases = _device_cases("ref/linear_sparse_s8")
    assert len(cases) == len(INT8)
    for case in cases:
        made = host_cases.run(kernels, host_cases.Case(case.graph, case.inputs, "linear_sparse_s8"))
        assert np.array_equal(made, case.golden), case.name


def test_golden_vectors_on_cortex_m7(tmp_path):
    if not shutil.which("qemu-system-arm"):
        pytest.skip("qemu-system-arm is not installed")
    cases = [
        *_device_cases("ref/linear_sparse_s8"),
        *_device_cases("dsp/linear_sparse_s8"),
        *_device_cases("dsp/linear_pairs_s8"),
        *_device_cases("dsp/pointwise_conv2d_pairs_s8", "conv2d"),
    ]
    assert len({case.kernel for case in cases}) == 4
    assert run_cases(cases, "cortex-m7", "zig", tmp_path).failed == []


def test_golden_vectors_in_webassembly(tmp_path):
    pytest.importorskip("wasmtime", reason="pip install wasmtime")
    cases = _device_cases("simd128/pointwise_conv2d_quads_s8", "conv2d")
    assert len(cases) == len(INT8)
    assert failures(cases, tmp_path) == []


@pytest.mark.skipif(not shutil.which("chromium"), reason="needs chromium: apt-get install chromium")
def test_a_golden_vector_in_chromium(tmp_path):
    golden = next(g for g in INT8 if str(g) == "2:4-8-43")
    graph = device_layer(golden.form.numbers().numpy(), golden.form.scale.numpy(), 2, "conv2d")
    inputs = (golden.x.numpy().reshape(1, 1, 1, 2, -1),)
    expected = golden.device.numpy().reshape(1, 1, 1, 2, -1)
    target = load_target("wasm32")
    project = emit(graph, plan(graph, target), (inputs, (expected,)))
    write_project(tmp_path / "out", project)
    program = build(tmp_path / "out", target, find_toolchain("zig", target))
    (made,) = BrowserRunner(target).run(program, inputs).outputs
    assert np.array_equal(made.view(np.int8).reshape(expected.shape), expected)


@pytest.mark.parametrize("golden", INT8, ids=str)
def test_packed_weights_and_block_rows_are_the_same_numbers(golden: Golden):
    scale = golden.form.scale
    for block in ((1, 4), (4, 4), (2, 16)):
        rows = to_block_rows(golden.form, block)
        assert np.array_equal(rows.to_dense(), golden.form.numbers().numpy())
        again = from_block_rows(rows, scale, golden.form.pattern)
        for name, tensor in golden.packed.items():
            assert torch.equal(again.tensors()[name], tensor)
        blocks = from_block_rows(rows, scale)
        assert blocks.is_whole()
        assert torch.equal(blocks.numbers(), golden.form.numbers())


@pytest.mark.parametrize(
    ("pattern", "bits", "expected"),
    [("2:4", 16, 9), ("2:4", 8, 5), ("2:4", 4, 3.5), ("1:4", 16, 4.5), ("1:4", 8, 2.5),
     ("1:4", 4, 2), ("4:8", 8, 5.5)],
)  # fmt: skip
def test_bits_of_a_dense_weight(pattern, bits, expected):
    parsed = parse_pattern(pattern)
    weight = torch.randn(4, 4096, generator=torch.Generator().manual_seed(0))
    packed = pack(weight * keep_mask(weight.abs(), parsed, 0.0), parsed, bits)
    assert packed.bytes() * 8 / weight.numel() == pytest.approx(expected, abs=0.01)


def test_what_cannot_be_packed_or_multiplied_is_refused():
    dense = torch.ones(4, 8)
    for pattern in (NM(2, 4), VariableNM(8, (0, 2))):
        with pytest.raises(EdgeError, match=r"E0093.*do not have the pattern"):
            pack(dense, pattern)
    for weight, pattern, bits, what in (
        (dense, Unstructured(), 3, "3 bits"),
        (dense * float("nan"), Unstructured(), 8, "finite"),
        (dense[0], Unstructured(), 8, "shape"),
        (dense * 1e38, Unstructured(), 4, "float16"),
        (dense, Channel(), 8, "no packed form"),
    ):
        with pytest.raises(EdgeError, match=f"(?s)E0093.*{what}"):
            pack(weight, pattern, bits)
    packed = pack(dense, Block(4, 4))
    for x, backend in ((dense, "cuda"), (dense[:, :7], "reference"), (dense, "cusparselt")):
        with pytest.raises(EdgeError, match="E0094"):
            nm_linear(x, packed, backend)
    with pytest.raises(EdgeError, match=r"E0093.*8 bits, not 16"):
        to_block_rows(packed, (1, 4))


def _pruned_network(seed: int = 0) -> torch.nn.Module:
    torch.manual_seed(seed)
    model = torch.nn.Sequential(torch.nn.Linear(44, 16), torch.nn.ReLU(), torch.nn.Linear(16, 44))
    model.add_module("tied", torch.nn.Linear(44, 16, bias=False))
    model.add_module("tied_too", torch.nn.Linear(16, 44, bias=False))
    for name, pattern in (("0", NM(2, 4)), ("2", Unstructured())):
        layer = model.get_submodule(name)
        layer.weight.data *= keep_mask(layer.weight.abs(), pattern, 0.5)
    return model.eval()


def test_pruned_linears_are_replaced_saved_and_loaded(tmp_path):
    model, x = _pruned_network(), torch.randn(2, 3, 44)
    expected = model(x)
    packed = sparsify_linears_(model, bits=32)
    assert {name: str(weight.pattern) for name, weight in packed.items()} == {
        "0": "2:4", "2": "unstructured",
    }  # fmt: skip
    assert isinstance(model.get_submodule("0"), NMLinear)
    assert torch.allclose(model(x), expected, atol=1e-5)
    save_packed(model, tmp_path / "packed.safetensors")
    again = load_packed(_pruned_network(1), tmp_path / "packed.safetensors")
    assert torch.equal(again(x), model(x))
    assert not list(tmp_path.glob("*.part"))


def test_gradients_reach_the_input():
    model = _pruned_network()
    sparsify_linears_(model, bits=32)
    x = torch.randn(2, 44, requires_grad=True)
    model(x).sum().backward()
    assert float(x.grad.abs().sum()) > 0


def test_moving_keeps_the_stored_types():
    model = _pruned_network()
    sparsify_linears_(model, bits=4)
    model.half()
    layer = model.get_submodule("0")
    assert (layer.values.dtype, layer.scale.dtype) == (torch.uint8, torch.float16)
    assert layer.bias.dtype == torch.float32


def test_a_layer_without_the_pattern_is_refused_and_nothing_replaced():
    model = _pruned_network()
    with pytest.raises(EdgeError, match=r"E0093.*2: the weights do not have"):
        sparsify_linears_(model, NM(2, 4))
    assert not any(isinstance(module, NMLinear) for module in model.modules())


def test_damaged_files_and_other_models_are_refused(tmp_path):
    model = _pruned_network()
    sparsify_linears_(model, bits=8)
    path = tmp_path / "packed.safetensors"
    save_packed(model, path)
    other = torch.nn.Sequential(torch.nn.Linear(44, 12))
    for damage in (lambda data: data[: len(data) // 2], lambda data: b"{}", lambda data: data):
        damaged = tmp_path / "damaged.safetensors"
        damaged.write_bytes(damage(path.read_bytes()))
        before = {name: tensor.clone() for name, tensor in other.state_dict().items()}
        with pytest.raises(EdgeError, match="E0095"):
            load_packed(other, damaged)
        assert all(torch.equal(before[n], t) for n, t in other.state_dict().items())
    with pytest.raises(EdgeError, match="E0095"):
        load_packed(other, tmp_path / "absent.safetensors")
