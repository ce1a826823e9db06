"""What cannot be imported is reported in one go, with its place in the user's source."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.export import Dim
from torch.nn import functional

from edge.errors import EdgeError
from edge.frontends.torch_export import export_module, load_torch
from tests.frontends.torch_oracle import noise

IMAGE = (1, 3, 8, 8)


class Unsupported(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.block = nn.Sequential(nn.ReLU(), nn.GroupNorm(1, 3))

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        y = torch.cumsum(self.block(x), 1)
        z = torch.cumsum(y, 2)
        pooled = functional.avg_pool2d(x, 3, 2, ceil_mode=True)
        return z.log_softmax(1), pooled, functional.max_pool2d(x, 2, return_indices=True)[1]


def refusal(program) -> EdgeError:
    with pytest.raises(EdgeError) as raised:
        load_torch(program)
    return raised.value


def refused(module: nn.Module, *inputs: torch.Tensor) -> EdgeError:
    return refusal(export_module(module, inputs))


def test_all_findings_come_at_once_with_count_layer_and_line():
    error = refused(Unsupported(), noise(*IMAGE))
    found = {d.title: d for d in error.diagnostics}
    assert error.exit_status == 3
    assert [d.code for d in error.diagnostics] == ["E0101", "E0101", "E0102", "E0101", "E0102"]
    norm = found["operator aten.group_norm.default is not supported"]
    assert "test_torch_diagnostics.py:" in norm.where
    assert (
        "in Unsupported.forward (layer block.1): y = torch.cumsum(self.block(x), 1)" in norm.where
    )
    sums = found["operator aten.cumsum.default is not supported (2 uses)"]
    assert sums.notes[0].endswith("z = torch.cumsum(y, 2)")
    assert "/" not in sums.where
    assert all(d.help for d in error.diagnostics if d.code == "E0101")


def test_dead_operators_are_not_held_against_a_model():
    class Dead(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            torch.cumsum(x, 1)
            return x.relu()

    assert len(load_torch(export_module(Dead(), (noise(*IMAGE),))).nodes) == 1


def test_dynamic_shape_is_refused():
    program = torch.export.export(
        nn.ReLU(), (noise(2, 3),), dynamic_shapes={"input": {0: Dim("batch")}}
    )
    assert refusal(program).diagnostics[0].code == "E0104"


def test_result_whose_size_depends_on_data_is_refused():
    class Positive(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x[x > 0]

    assert "E0104" in {d.code for d in refused(Positive(), noise(*IMAGE)).diagnostics}


@pytest.mark.parametrize(
    ("example", "code"), [(noise(2, 3), "E0105"), (noise(1, 3).double(), "E0103")]
)
def test_input_that_no_device_takes_is_refused(example, code):
    diagnostic = refused(nn.ReLU(), example).diagnostics[0]
    assert (diagnostic.code, diagnostic.where) == (code, "input input")


def test_branch_on_data_names_the_line():
    class Branch(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            if x.sum() > 0:
                return x
            return -x

    with pytest.raises(EdgeError) as raised:
        export_module(Branch(), (noise(*IMAGE),))
    (diagnostic,) = raised.value.diagnostics
    assert diagnostic.code == "E0106"
    assert diagnostic.where.endswith("in forward: if x.sum() > 0:")
    assert diagnostic.help


def test_control_flow_operator_is_refused():
    class Conditional(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.cond(x[0, 0] > 0, torch.sin, torch.cos, (x,))

    titles = [d.title for d in refused(Conditional(), noise(1, 4)).diagnostics]
    assert "operator cond is not supported" in titles


def test_training_mode_is_refused_with_the_remedy():
    program = torch.export.export(nn.BatchNorm2d(3).train(), (noise(*IMAGE),))
    assert "export module.eval()" in refusal(program).diagnostics[0].help


class Remembers(nn.Module):
    """Updates a buffer by a function of it and the input."""

    def __init__(self, initial: torch.Tensor, update: Callable[..., torch.Tensor]) -> None:
        super().__init__()
        self.register_buffer("memory", initial)
        self.update = update

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        before = self.memory * 1
        self.memory = self.update(self.memory, x)
        return before + x[:, :1]


def test_a_state_that_grows_is_refused_at_its_line():
    module = Remembers(torch.zeros(1, 4), lambda old, x: torch.cat([old, x], dim=1))
    [found] = refused(module, noise(1, 4)).diagnostics
    assert "changes its shape from [1, 4] to [1, 8]" in found.title
    assert "Remembers.forward" in found.where


def test_a_counter_is_refused_as_a_state():
    module = Remembers(torch.zeros(1, 4, dtype=torch.int64), lambda old, x: old + 1)
    assert "the state memory is int64" in refused(module, noise(1, 4)).diagnostics[0].title


def test_writing_to_the_input_is_refused():
    class Overwrites(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x.add_(1.0)
            return x * 2

    assert "writes to its input" in refused(Overwrites(), noise(1, 4)).diagnostics[0].title


def test_shape_error_of_the_model_is_one_line():
    with pytest.raises(EdgeError) as raised:
        export_module(nn.Linear(5, 3), (noise(*IMAGE),))
    assert raised.value.diagnostics[0].code == "E0106"
    assert "\n" not in raised.value.diagnostics[0].title
