"""Calibration data in every accepted form, and a clear error for every other."""

from __future__ import annotations

import numpy as np
import pytest

from edge.errors import EdgeError
from edge.ir import parse
from edge.quantization.calibration import batches, progress_bar, sample_count, samples

ONE = parse("""
graph net single (x) -> (y)
x : float32[1,4,5,3]
y : float32[1,4,5,3]
n unary(x) -> y function="relu"
""")

TWO = parse("""
graph pair single (a, b) -> (y)
a : float32[1,6]
b : float32[1,6]
y : float32[1,6]
n add(a, b) -> y
""")


def images(count: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((count, 4, 5, 3)).astype(np.float32)


def stacked(source, graph=ONE, name="x") -> np.ndarray:
    return np.concatenate([sample[name] for sample in samples(source, graph)])


def test_an_array_gives_its_rows_with_batch_one():
    data = images(3)
    found = list(samples(data, ONE))
    assert [sample["x"].shape for sample in found] == [(1, 4, 5, 3)] * 3
    np.testing.assert_array_equal(stacked(data), data)


def test_torch_order_is_brought_to_the_graphs():
    data = images(3)
    np.testing.assert_array_equal(stacked(data.transpose(0, 3, 1, 2)), data)


def test_where_both_orders_fit_the_graphs_holds():
    cube = parse("""
graph net single (x) -> (y)
x : float32[1,2,2,2]
y : float32[1,2,2,2]
n unary(x) -> y function="relu"
""")
    data = np.arange(8, dtype=np.float32).reshape(1, 2, 2, 2)
    np.testing.assert_array_equal(stacked(data, cube), data)


@pytest.mark.parametrize(
    "source",
    [
        iter,
        lambda data: [data[:2], data[2:]],
        lambda data: ((row, label) for label, row in enumerate(data)),
        lambda data: [[data, np.arange(3)]],
        lambda data: [{"x": data}],
        lambda data: {"anything": data},
        lambda data: data.astype(np.float64),
    ],
    ids=["samples", "batches", "with labels", "loader", "mapping", "one mapping", "double"],
)
def test_iterables_and_mappings_give_the_same_samples(source):
    data = images(3)
    np.testing.assert_array_equal(stacked(source(data)), data)


def test_torch_tensors_are_taken_even_with_gradients():
    torch = pytest.importorskip("torch", reason="pip install edge-nn[torch]")
    data = images(2)
    tensor = torch.from_numpy(data).requires_grad_()
    np.testing.assert_array_equal(stacked(tensor), data)
    np.testing.assert_array_equal(stacked([tensor[0], tensor[1]]), data)


def test_files_are_read(tmp_path):
    data = images(3)
    np.save(tmp_path / "x.npy", data)
    np.savez(tmp_path / "x.npz", images=data)
    np.testing.assert_array_equal(stacked(tmp_path / "x.npy"), data)
    np.testing.assert_array_equal(stacked(str(tmp_path / "x.npz")), data)


def test_models_with_two_inputs_take_named_arrays_and_tuples(tmp_path):
    a, b = np.random.default_rng(0).standard_normal((2, 4, 6)).astype(np.float32)
    np.savez(tmp_path / "ab.npz", b=b, a=a)
    for source in (tmp_path / "ab.npz", {"a": a, "b": b}, list(zip(a, b, strict=True)), [(a, b)]):
        np.testing.assert_array_equal(stacked(source, TWO, "a"), a)
        np.testing.assert_array_equal(stacked(source, TWO, "b"), b)


def with_nan() -> np.ndarray:
    data = images(2)
    data[1, 2, 3, 0] = np.nan
    return data


BAD = {
    "no samples": ("E0201", lambda: []),
    "an empty array": ("E0201", lambda: images(0)),
    "another size": ("E0202", lambda: np.zeros((2, 5, 5, 3), np.float32)),
    "another rank": ("E0202", lambda: np.zeros((2, 60), np.float32)),
    "a number": ("E0202", lambda: [1.0]),
    "bytes": ("E0202", lambda: np.zeros((2, 4, 5, 3), np.uint8)),
    "text": ("E0202", lambda: [np.array("cat")]),
    "objects": ("E0202", lambda: [{"x": [[1, 2], [3]]}]),
    "NaN": ("E0203", with_nan),
    "infinity": ("E0203", lambda: np.full((1, 4, 5, 3), np.inf, np.float32)),
    "no such file": ("E0030", lambda: "absent.npz"),
}


@pytest.mark.parametrize("case", BAD)
def test_unusable_data_is_refused(case):
    code, source = BAD[case]
    with pytest.raises(EdgeError) as caught:
        list(samples(source(), ONE))
    assert caught.value.diagnostics[0].code == code


def test_the_message_names_both_accepted_orders():
    with pytest.raises(EdgeError, match=r"\[4, 5, 3\] or \[3, 4, 5\]"):
        list(samples(np.zeros((2, 7), np.float32), ONE))


@pytest.mark.parametrize("content", [b"", b"not numpy", b"PK\x03\x04broken"])
def test_damaged_files_are_refused(content, tmp_path):
    path = tmp_path / "x.npz"
    path.write_bytes(content)
    with pytest.raises(EdgeError) as caught:
        list(samples(path, ONE))
    assert caught.value.diagnostics[0].code == "E0030"
    assert caught.value.exit_status == 2


def test_a_truncated_file_is_refused(tmp_path):
    np.savez(tmp_path / "x.npz", x=images(3))
    whole = (tmp_path / "x.npz").read_bytes()
    (tmp_path / "x.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(EdgeError, match="E0030"):
        list(samples(tmp_path / "x.npz", ONE))


def test_pickles_are_refused(tmp_path):
    np.save(tmp_path / "x.npy", np.array([{"a": 1}], object), allow_pickle=True)
    with pytest.raises(EdgeError, match="E0030"):
        list(samples(tmp_path / "x.npy", ONE))


def test_missing_inputs_are_named():
    with pytest.raises(EdgeError, match="E0202") as caught:
        list(samples({"a": np.zeros((1, 6), np.float32), "c": np.zeros((1, 6))}, TWO))
    assert "['a', 'c']" in str(caught.value)
    with pytest.raises(EdgeError, match="different numbers"):
        list(samples({"a": np.zeros((1, 6)), "b": np.zeros((2, 6))}, TWO))


def test_batches_stack_samples_and_keep_the_rest():
    sizes = [len(batch["x"]) for batch in batches(samples(images(5), ONE), 2)]
    assert sizes == [2, 2, 1]


def test_the_progress_bar_leaves_the_work_alone_where_stderr_is_no_terminal(capsys):
    assert list(progress_bar([1, 2], "calibrating", 2, enabled=True)) == [1, 2]
    assert capsys.readouterr() == ("", "")


def test_the_progress_bar_shows_on_a_terminal(monkeypatch, capsys):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert list(progress_bar(range(3), "calibrating", 3, enabled=True)) == [0, 1, 2]
    assert capsys.readouterr().out == ""


def test_sample_counts_are_known_for_arrays_and_sequences():
    assert sample_count(images(3)) == 3
    assert sample_count({"x": images(4)}) == 4
    assert sample_count([1, 2]) == 2
    assert sample_count(iter([1])) is None
    assert sample_count("x.npz") is None
