"""The LiteRT runner: samples in, samples out, and errors that say what to do."""

from __future__ import annotations

import numpy as np
import pytest

from edge.errors import EdgeError
from edge.reference import litert
from edge.reference.litert import run_litert
from tests.frontends.tflite_builder import Tensor
from tests.reference.oracle import single_operator

X = np.arange(6, dtype=np.int8).reshape(3, 2)


def relu() -> bytes:
    x, y = (Tensor(name, (1, 2), scale=0.5, zero_point=3) for name in "xy")
    return single_operator("RELU", (x,), y)


def test_each_sample_is_one_inference() -> None:
    (y,) = run_litert(relu(), [X])
    np.testing.assert_array_equal(y, np.maximum(X, 3))


def test_a_file_is_read_from_its_path(tmp_path) -> None:
    path = tmp_path / "relu.tflite"
    path.write_bytes(relu())
    (y,) = run_litert(path, [X])
    np.testing.assert_array_equal(y, np.maximum(X, 3))


def test_without_an_interpreter_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(litert, "_MODULES", ("edge.no_such_interpreter",))
    with pytest.raises(EdgeError, match=r"E0406.*\n.*pip install"):
        run_litert(relu(), [X])


def test_a_damaged_model_is_refused() -> None:
    with pytest.raises(EdgeError, match=r"E0006.*does not accept the model"):
        run_litert(b"not a model at all", [X])


@pytest.mark.parametrize("x", [X.astype(np.float32), X.reshape(2, 3)])
def test_a_wrong_input_is_refused(x: np.ndarray) -> None:
    with pytest.raises(EdgeError, match=r"E0006.*does not accept the input"):
        run_litert(relu(), [x])
