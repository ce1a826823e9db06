"""Sparse constants of .tflite files: dense again as LiteRT's DENSIFY makes them, or refused."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from edge.errors import EdgeError
from edge.frontends.tflite import load_tflite
from edge.planning import plan
from edge.reference import run_batch
from edge.reference.litert import litert_interpreter, run_litert
from edge.target import load_target
from tests.frontends.test_tflite_fuzz import MUTATORS, outcome, places_read
from tests.frontends.tflite_builder import (
    Operator,
    Tensor,
    build_object,
    constant,
    pack,
    schema,
)
from tests.frontends.tflite_sparse import store_sparse

pytest.importorskip("ai_edge_litert.interpreter", reason="pip install 'edge-nn[litert]'")

Array = np.ndarray[Any, Any]
VECTORS = ("Int32Vector", "Uint16Vector", "Uint8Vector")


def pruned(rng: np.random.Generator, shape: tuple[int, ...], dtype: str, kept: float) -> Array:
    values = rng.integers(-127, 128, shape) * (rng.random(shape) < kept)
    values.ravel()[0] = 127  # something is stored
    return (values if dtype == "int8" else values / 64).astype(dtype)


def densified(dense: Array, **layout: Any) -> bytes:
    """A file whose second output is the constant, stored sparse, after DENSIFY."""
    kind = dense.dtype.name
    tensors = [
        Tensor("x", (1, 8), "float32"), constant("w_sparse", dense, 0.5),
        Tensor("w", dense.shape, kind, 0.5), Tensor("y", (1, 8), "float32"),
    ]  # fmt: skip
    operators = [Operator("DENSIFY", ("w_sparse",), ("w",)), Operator("RELU", ("x",), ("y",))]
    model = build_object(tensors, operators, ("x",), ("y",))
    store_sparse(model, model.subgraphs[0].tensors[1], dense, **layout)
    return pack(model)


def read(file: bytes) -> Array:
    """The stored tensor as the reader makes it."""
    from edge.frontends.tflite.draft import constant_data
    from edge.frontends.tflite.model import read_model

    return constant_data(read_model(file).tensors[1])


def random_layout(rng: np.random.Generator, shape: tuple[int, ...], any_order: bool) -> Any:
    """Axes in some order; block axes are last and in order unless `any_order`, as LiteRT reads."""
    rank = len(shape)
    sides = {axis: [b for b in (1, 2, 4) if size % b == 0] for axis, size in enumerate(shape)}
    blocks = {axis: int(rng.choice(sides[axis])) for axis in sides if rng.random() < 0.5}
    levels = rank + len(blocks)
    order = rng.permutation(levels if any_order else rank).tolist()
    return {
        "order": order if any_order else [*order, *range(rank, levels)],
        "blocks": blocks,
        "compressed": [axis for axis in range(rank) if rng.random() < 0.5],
        "vector": str(rng.choice(VECTORS)),
    }


@pytest.mark.parametrize("dtype", ["int8", "float32", "float16"])
def test_random_trees_are_what_densify_makes(dtype: str) -> None:
    rng = np.random.default_rng(11)
    for _ in range(60):
        shape = tuple(rng.choice([1, 2, 4, 6, 8], rng.integers(1, 5)).tolist())
        dense = pruned(rng, shape, dtype, rng.choice([0.1, 0.5, 1]))
        file = densified(dense, **random_layout(rng, shape, any_order=False))
        interpreter = litert_interpreter(file)
        interpreter.invoke()
        assert np.array_equal(interpreter.get_tensor(2), dense)
        assert np.array_equal(read(file), dense)


def test_block_axes_may_be_anywhere() -> None:
    rng = np.random.default_rng(12)
    for _ in range(60):
        shape = tuple(rng.choice([2, 4, 8], 3).tolist())
        dense = pruned(rng, shape, "int8", 0.3)
        layout = random_layout(rng, shape, any_order=True)
        assert np.array_equal(read(densified(dense, **layout)), dense), layout


def test_indices_beyond_a_byte_are_read() -> None:
    dense = np.zeros((2, 70_000), np.int8)
    dense[:, [0, 255, 256, 69_999]] = 5
    for vector in VECTORS:
        assert np.array_equal(read(densified(dense, compressed=[1], vector=vector)), dense)


def int8_network(block: int = 4) -> bytes:
    """A pointwise convolution by way of DENSIFY, then FULLY_CONNECTED of sparse weights."""
    rng = np.random.default_rng(5)
    convolution = pruned(rng, (64, 1, 1, 64), "int8", 1.0)
    convolution *= np.repeat(rng.random((64, 1, 1, 16)) < 0.3, 4, axis=3)
    linear = pruned(rng, (8, 64), "int8", 0.3)
    scales = rng.uniform(0.002, 0.004, 64)
    tensors = [
        Tensor("x", (1, 6, 6, 64), scale=0.05, zero_point=3),
        constant("w_sparse", convolution, scales),
        Tensor("w", convolution.shape, "int8", scales),
        constant("b", rng.integers(-500, 500, 64).astype(np.int32), 0.05 * scales),
        Tensor("y", (1, 6, 6, 64), scale=0.06, zero_point=-4),
        constant("axes", np.array([1, 2], np.int32)),
        Tensor("m", (1, 64), scale=0.06, zero_point=-4),
        constant("v_sparse", linear, 0.01),
        Tensor("v", linear.shape, "int8", 0.01),
        Tensor("z", (1, 8), scale=0.05, zero_point=1),
    ]
    operators = [
        Operator("DENSIFY", ("w_sparse",), ("w",)),
        Operator("DENSIFY", ("v_sparse",), ("v",)),
        Operator("CONV_2D", ("x", "w", "b"), ("y",), {"strideH": 1, "strideW": 1}),
        Operator("MEAN", ("y", "axes"), ("m",)),
        Operator("FULLY_CONNECTED", ("m", "v", ""), ("z",)),
    ]
    model = build_object(tensors, operators, ("x",), ("z",))
    stored = model.subgraphs[0].tensors
    layout = {"blocks": {3: block}, "compressed": [3], "vector": "Uint8Vector"}
    store_sparse(model, stored[1], convolution, **layout)
    store_sparse(model, stored[7], linear, compressed=[1], vector="Uint16Vector")
    return pack(model)


def test_an_int8_network_agrees_with_litert() -> None:
    file = int8_network()
    x = np.random.default_rng(6).integers(-128, 128, (8, 6, 6, 64)).astype(np.int8)
    (ours,), (theirs,) = run_batch(load_tflite(file), [x]), run_litert(file, [x])
    assert np.array_equal(ours, theirs)
    assert len(np.unique(ours)) > 16


def test_sparse_weights_take_sparse_kernels() -> None:
    from edge.passes.pipeline import INTEGER_PASSES, run_passes

    graph = run_passes(load_tflite(int8_network()), INTEGER_PASSES)
    steps = [s for stage in plan(graph, load_target("cortex-m7")).stages for s in stage.steps]
    assert any("sparse" in step.kernel for step in steps)


def float_network(dtype: str, direct: bool = False) -> bytes:
    """FULLY_CONNECTED of float weights in 1x4 blocks; float16 goes through DEQUANTIZE."""
    rng = np.random.default_rng(7)
    dense = pruned(rng, (8, 32), dtype, 1.0)
    dense *= np.repeat(rng.random((8, 8)) < 0.4, 4, axis=1).astype(dtype)
    tensors = [
        Tensor("x", (1, 32), "float32"), constant("w_sparse", dense),
        Tensor("w", dense.shape, dtype), Tensor("wide", dense.shape, "float32"),
        constant("b", rng.normal(size=8).astype(np.float32)), Tensor("y", (1, 8), "float32"),
    ]  # fmt: skip
    weight = "w_sparse" if direct else "wide" if dtype == "float16" else "w"
    operators = [
        *([] if direct else [Operator("DENSIFY", ("w_sparse",), ("w",))]),
        *([Operator("DEQUANTIZE", ("w",), ("wide",))] if dtype == "float16" else []),
        Operator("FULLY_CONNECTED", ("x", weight, "b"), ("y",)),
    ]
    model = build_object(tensors, operators, ("x",), ("y",))
    store_sparse(model, model.subgraphs[0].tensors[1], dense, blocks={1: 4}, compressed=[1])
    return pack(model)


@pytest.mark.parametrize(
    ("dtype", "direct"), [("float32", False), ("float16", False), ("float32", True)]
)
def test_float_networks_agree_with_litert(dtype: str, direct: bool) -> None:
    file = float_network(dtype, direct)
    x = np.random.default_rng(8).normal(size=(4, 32)).astype(np.float32)
    kernels = "BUILTIN_WITHOUT_DEFAULT_DELEGATES" if direct else "BUILTIN_REF"
    (ours,), (theirs,) = run_batch(load_tflite(file), [x]), run_litert(file, [x], kernels)
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


Damage = Callable[[Any], None]


def _set(path: str, value: Any) -> Damage:
    """Assign to an attribute of the SparsityParametersT, by a path such as dimMetadata.1.format."""
    *parents, last = path.split(".")

    def damage(parameters: Any) -> None:
        at = parameters
        for name in parents:
            at = at[int(name)] if name.isdigit() else getattr(at, name)
        setattr(at, last, value)

    return damage


def _int32s(*values: int) -> Any:
    made = schema.Int32VectorT()
    made.values = list(values)
    return made


MALFORMED: dict[str, tuple[Damage, str]] = {
    "an axis twice": (_set("traversalOrder", [0, 0, 2]), "traverses the axes"),
    "an axis beyond": (_set("traversalOrder", [0, 1, 7]), "traverses the axes"),
    "no order": (_set("traversalOrder", None), "traverses the axes"),
    "a block along no axis": (_set("blockMap", [5]), "blocks along the axes"),
    "no levels": (_set("dimMetadata", []), "describes 0 of 3"),
    "a wrong extent": (_set("dimMetadata.0.denseSize", 7), "7 in place of 8"),
    "a negative extent": (_set("dimMetadata.0.denseSize", -8), "-8 in place of 8"),
    "blocks that do not divide": (_set("dimMetadata.2.denseSize", 3), "blocks of 3 along axis 1"),
    "blocks of nothing": (_set("dimMetadata.2.denseSize", 0), "blocks of 0"),
    "blocks that are compressed": (_set("dimMetadata.2.format", 1), "blocks of 4"),
    "an unknown format": (_set("dimMetadata.1.format", 2), "unknown format 2"),
    "no segments": (_set("dimMetadata.1.arraySegmentsType", 0), "without indices"),
    "too few segments": (_set("dimMetadata.1.arraySegments", _int32s(0, 2)), "do not delimit"),
    "falling segments": (
        _set("dimMetadata.1.arraySegments", _int32s(0, 4, 2, 4, 6, 8, 10, 12, 14)),
        "do not delimit",
    ),
    "an index beyond": (
        _set("dimMetadata.1.arrayIndices", _int32s(*[0, 8] * 8)), "an index beyond an axis of 8",
    ),
    "a negative index": (
        _set("dimMetadata.1.arrayIndices", _int32s(*[-1, 1] * 8)), "an index beyond an axis of 8",
    ),
    "an element twice": (
        _set("dimMetadata.1.arrayIndices", _int32s(*[3, 3] * 8)), "holds an element twice",
    ),
}  # fmt: skip


def regular_model() -> Any:
    """float32 [8, 32] with two blocks of 1x4 a row, before it is packed."""
    dense = np.zeros((8, 32), np.float32)
    dense[:, 4:12] = 1
    tensors = [
        Tensor("x", (1, 32), "float32"), constant("w_sparse", dense),
        Tensor("w", dense.shape, "float32"), Tensor("y", (1, 8), "float32"),
    ]  # fmt: skip
    operators = [
        Operator("DENSIFY", ("w_sparse",), ("w",)),
        Operator("FULLY_CONNECTED", ("x", "w", ""), ("y",)),
    ]
    model = build_object(tensors, operators, ("x",), ("y",))
    store_sparse(model, model.subgraphs[0].tensors[1], dense, blocks={1: 4}, compressed=[1])
    return model


@pytest.mark.parametrize("name", MALFORMED)
def test_contradicting_metadata_are_refused(name: str) -> None:
    damage, reason = MALFORMED[name]
    model = regular_model()
    damage(model.subgraphs[0].tensors[1].sparsity)
    with pytest.raises(EdgeError, match=rf"E0021.*tensor 1 .*{reason}"):
        load_tflite(pack(model))


def test_missing_elements_are_refused() -> None:
    model = regular_model()
    buffer = model.buffers[model.subgraphs[0].tensors[1].buffer]
    buffer.data = buffer.data[:-4]
    with pytest.raises(EdgeError, match="describes more elements than it holds"):
        load_tflite(pack(model))


def test_a_small_file_cannot_describe_an_enormous_tensor() -> None:
    model = regular_model()
    tensor = model.subgraphs[0].tensors[1]
    tensor.shape = [8, 1 << 27]
    with pytest.raises(EdgeError, match="many times its own size"):
        load_tflite(pack(model))


def test_sparse_tensors_of_other_types_are_named() -> None:
    model = regular_model()
    tensors = model.subgraphs[0].tensors
    tensors[1].type = tensors[2].type = schema.TensorType.INT64
    with pytest.raises(EdgeError, match="sparse int64 tensors are not supported"):
        load_tflite(pack(model))


@pytest.mark.parametrize("batch", range(4))
def test_damaged_sparse_files_load_or_are_refused(batch: int) -> None:
    files = [int8_network(), float_network("float16"), float_network("float32", direct=True)]
    places = [places_read(file) for file in files]
    refused = 0
    for seed in range(batch * 100, (batch + 1) * 100):
        rng = random.Random(seed)
        which = rng.randrange(len(files))
        status = outcome(rng.choice(MUTATORS)(rng, files[which], places[which]))
        assert status in (0, 2, 3), f"seed {seed}"
        refused += status != 0
    assert refused > 10
