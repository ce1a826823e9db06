"""What sets each method apart: what it draws, what moves, and what stays."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from torch import nn

from edge.errors import EdgeError
from edge.tuning.adapters import fuse
from edge.tuning.attach import attach
from edge.tuning.dsee import DSEEConfig, DSEETuner, residual_places
from edge.tuning.dylora import DyLoRAConfig, DyLoRATuner
from edge.tuning.generative import GenerativeConfig, GenerativeTuner
from edge.tuning.ist import ISTConfig, ISTTuner
from edge.tuning.lora import LoRAConfig
from edge.tuning.mosa import MoSAConfig, MoSATuner
from edge.tuning.res_adapter import ResAdapterConfig, ResAdapterTuner
from edge.tuning.vl_adapter import VLAdapterConfig, VLAdapterTuner
from tests.tuning.networks import IDS, language_model, loss, output, train, unet


def blocks(count: int = 4) -> nn.Sequential:
    """Residual blocks 0, 1, ... of one linear layer each."""

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.o_proj = nn.Linear(6, 6)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y: torch.Tensor = x + 0.1 * self.o_proj(x)
            return y

    torch.manual_seed(0)
    return nn.Sequential(*(Block() for _ in range(count)))


X = torch.randn(16, 6, generator=torch.Generator().manual_seed(1))


def moved(before: list[torch.Tensor], after: list[torch.Tensor]) -> list[bool]:
    return [not torch.equal(a, b) for a, b in zip(before, after, strict=True)]


def copies(parameters: nn.ParameterList) -> list[torch.Tensor]:
    return [p.detach().clone() for p in parameters]


class TestDyLoRA:
    @pytest.mark.parametrize("frozen", [True, False])
    def test_a_step_moves_the_drawn_row_or_those_up_to_it(self, frozen: bool) -> None:
        """With Adam's momentum from the steps before, too."""
        model = blocks()
        tuner = attach(model, DyLoRAConfig(4, targets=("o_proj",), frozen=frozen))
        assert isinstance(tuner, DyLoRATuner)
        layer = tuner.layers["0.o_proj"]
        optimizer = torch.optim.Adam(tuner.parameters(), 0.1)
        for _ in range(6):
            rank, before = tuner.draw(), copies(layer.columns)
            optimizer.zero_grad()
            (model(X) - X.roll(1, 0)).square().mean().backward()
            optimizer.step()
            lowest = rank if frozen else 1
            wanted = [lowest <= row <= rank for row in range(1, 5)]
            assert moved(before, copies(layer.columns)) == wanted

    def test_every_truncation_is_an_adapter_with_its_own_scale(self) -> None:
        model = blocks()
        tuner = attach(model, DyLoRAConfig(4, alpha=8.0, targets=("o_proj",)))
        assert isinstance(tuner, DyLoRATuner)
        for parameter in tuner.parameters():
            nn.init.normal_(parameter)
        whole = tuner.state()["1.o_proj.weight"]
        for rank in range(1, 5):
            tuner.use(rank)
            made, part, other = model(X), tuner.state()["1.o_proj.weight"], blocks()
            assert torch.equal(part.down, whole.down[:rank])
            assert part.scale == 8.0 / rank
            fuse(other, tuner.state())
            torch.testing.assert_close(other(X), made, rtol=1e-4, atol=1e-4)
        with pytest.raises(EdgeError, match="E0086"):
            tuner.use(5)

    def test_ranks_are_drawn_alike(self) -> None:
        tuner = attach(blocks(), DyLoRAConfig(4, minimum=2, targets=("o_proj",)))
        assert isinstance(tuner, DyLoRATuner)
        counts = Counter(tuner.draw() for _ in range(600))
        assert set(counts) == {2, 3, 4}
        assert min(counts.values()) > 150


def ist(share: float = 0.25, **settings: float) -> tuple[nn.Module, ISTTuner]:
    model = blocks()
    adapter = LoRAConfig(2, targets=("o_proj",))
    tuner = attach(model, ISTConfig(adapter, share=share, **settings))  # type: ignore[arg-type]
    assert isinstance(tuner, ISTTuner)
    return model, tuner


class TestIST:
    def test_updates_match_the_draws_and_only_drawn_blocks_hold_optimizer_state(self) -> None:
        model, tuner = ist()
        optimizer, drawn = torch.optim.Adam(tuner.parameters(), 0.1), Counter[str]()
        for _ in range(3):
            (block,) = tuner.draw()
            drawn[block] += 1
            optimizer.zero_grad()
            (model(X) - X.roll(1, 0)).square().mean().backward()
            optimizer.step()
        assert 0 < len(drawn) < 4
        for name, layer in tuner.layers.items():
            for parameter in (layer.down, layer.up):
                steps = optimizer.state.get(parameter, {}).get("step", 0)
                assert int(steps) == drawn[name.partition(".")[0]]

    def test_the_block_whose_adapter_helps_is_found(self) -> None:
        model, tuner = ist()
        helping = tuner.layers["2.o_proj"]
        for parameter in tuner.parameters():
            nn.init.normal_(parameter, std=0.01)
        for parameter in (helping.down, helping.up):
            nn.init.normal_(parameter)
        target = model(X).detach()
        scales = [layer.scale for layer in tuner.layers.values()]
        for _ in range(20):
            tuner.learn_importance(lambda: float(30 * (model(X) - target).square().mean()))
        assert int(tuner.importance.argmax()) == 2
        assert tuner.importance[2] > 1 + tuner.importance[[0, 1, 3]].max()
        assert [layer.scale for layer in tuner.layers.values()] == scales
        counts = Counter(block for _ in range(200) for block in tuner.draw())
        assert counts.most_common(1)[0][0] == "2"

    def test_without_importance_blocks_are_drawn_alike(self) -> None:
        _, tuner = ist(share=0.5)
        counts = Counter(block for _ in range(400) for block in tuner.draw())
        assert sum(counts.values()) == 800
        assert min(counts.values()) > 160


class TestDSEE:
    def test_places_are_where_low_rank_does_not_reach(self) -> None:
        torch.manual_seed(0)
        planted = torch.randperm(20 * 30)[:10].sort().values
        weight = 3 * torch.randn(20, 2) @ torch.randn(2, 30)
        weight.view(-1)[planted] += 8
        assert torch.equal(residual_places(weight, 2, 10), planted)

    def test_the_weight_is_the_pruned_one_with_low_rank_and_entries(self) -> None:
        model = blocks()
        own = model[1].o_proj.weight.detach().clone()
        tuner = attach(model, DSEEConfig(2, entries=5, targets=("o_proj",)))
        assert isinstance(tuner, DSEETuner)
        for parameter in tuner.parameters():
            nn.init.normal_(parameter)
        tuner.prune(0.5)
        layer = tuner.layers["1.o_proj"]
        assert int(layer.keep.sum()) == 18
        low = layer.low.scale * layer.low.up @ layer.low.down
        wanted = own * layer.keep + low
        wanted.view(-1)[layer.places] += layer.entries
        made = tuner.merge()[1].o_proj.weight
        torch.testing.assert_close(made, wanted.detach(), rtol=1e-5, atol=2e-5)

    def test_inputs_with_small_coefficients_go_from_all_parts(self) -> None:
        model = blocks()
        tuner = attach(model, DSEEConfig(2, 6, group=2, targets=("o_proj",)))
        assert isinstance(tuner, DSEETuner)
        with pytest.raises(EdgeError, match="E0086"):
            tuner.state()
        for layer in tuner.layers.values():
            nn.init.normal_(layer.low.up)
            nn.init.normal_(layer.entries)
            layer.coefficients.data = torch.tensor([1.0, 0.1, -0.9])
        assert tuner.penalty().item() == pytest.approx(8.0)
        tuner.prune(0.3)
        made = model(X)
        weight = tuner.merge()[0].o_proj.weight
        assert weight.abs().sum(0).eq(0).tolist() == [False, False, True, True, False, False]
        torch.testing.assert_close(model(X), made)
        with pytest.raises(EdgeError, match="E0081"):
            tuner.prune(1.0)


class TestMoSA:
    def test_parts_are_disjoint_and_complete(self) -> None:
        tuner = attach(blocks(), MoSAConfig(6, 4, targets=("o_proj",)))
        assert isinstance(tuner, MoSATuner)
        for split in tuner.layers["0.o_proj"].tensors.values():
            places = torch.cat(list(split.places)).sort().values
            assert torch.equal(places, torch.arange(len(places)))
            assert len({len(part) for part in split.parts}) <= 2
            parts = sum(split(i) for i in range(4))
            assert torch.equal(parts, split(None))

    def test_a_step_moves_the_drawn_parts_alone(self) -> None:
        model = blocks(1)
        tuner = attach(model, MoSAConfig(4, 4, targets=("o_proj",)))
        assert isinstance(tuner, MoSATuner)
        layer = tuner.layers["0.o_proj"]
        optimizer = torch.optim.Adam(tuner.parameters(), 0.1)
        for _ in range(6):
            tuner.draw()
            down, up = layer.drawn
            before = copies(layer.tensors["up"].parts)
            optimizer.zero_grad()
            (model(X) - X.roll(1, 0)).square().mean().backward()
            optimizer.step()
            assert moved(before, copies(layer.tensors["up"].parts)) == [i == up for i in range(4)]
            assert down in range(4)

    def test_the_hierarchy_for_little_data_trains_one_side_in_every_step(self) -> None:
        tuner = attach(blocks(), MoSAConfig(6, 3, dense="down", targets=("o_proj",)))
        assert isinstance(tuner, MoSATuner)
        parts = {name: len(t.parts) for name, t in tuner.layers["0.o_proj"].tensors.items()}
        assert parts == {"down": 1, "down_bias": 1, "up": 3, "up_bias": 3}

    def test_the_union_is_the_standard_adapter(self) -> None:
        model, plain = blocks(), blocks()
        tuner = attach(model, MoSAConfig(4, 2, activation="relu", targets=("o_proj",)))
        assert isinstance(tuner, MoSATuner)
        for parameter in tuner.parameters():
            nn.init.normal_(parameter)
        tuner.draw()
        state = tuner.state()
        merged = tuner.merge()(X)
        x = X
        for name, block in plain.named_children():
            part, y = state[f"{name}.o_proj"], block.o_proj(x)
            hidden = (y @ part.down.T + part.down_bias).relu()
            x = x + 0.1 * (y + hidden @ part.up.T + part.up_bias)
        torch.testing.assert_close(merged, x, rtol=1e-4, atol=1e-5)


class TestGenerative:
    def tuner(self) -> tuple[nn.Module, GenerativeTuner]:
        model = language_model()
        tuner = attach(model, GenerativeConfig(width=12, rank=3, window=4))
        assert isinstance(tuner, GenerativeTuner)
        for layer in tuner.layers.values():
            nn.init.normal_(layer.up)
        return model, tuner

    def test_a_context_read_in_pieces_is_the_whole_context(self) -> None:
        (_, pieces), (_, whole) = self.tuner(), self.tuner()
        for piece in IDS.split(4, 1):
            pieces.read(piece)
        whole.read(IDS)
        for a, b in zip(pieces.layers.values(), whole.layers.values(), strict=True):
            a.up.data = b.up.data
        for name, change in pieces.state().items():
            wanted = whole.state()[name].product()
            torch.testing.assert_close(change.product(), wanted, rtol=1e-4, atol=6e-6)

    def test_what_is_made_has_the_rank_and_equal_directions(self) -> None:
        _, tuner = self.tuner()
        tuner.read(IDS)
        for layer in tuner.layers.values():
            down, up = layer.pair()
            kernel = torch.linalg.pinv(layer.up) @ (up @ down) @ torch.linalg.pinv(layer.down)
            values = torch.linalg.svdvals(kernel)
            torch.testing.assert_close(values[:3], torch.ones(3), rtol=1e-3, atol=1e-3)
            assert values[3:].max() < 1e-3

    def test_the_adapter_depends_on_the_context_and_can_be_forgotten(self) -> None:
        model, tuner = self.tuner()
        tuner.read(IDS)
        first = output(model)
        tuner.clear()
        tuner.read(IDS.flip(1))
        assert (output(model) - first).abs().max() > 1e-4
        tuner.clear()
        tuner.read(IDS)
        torch.testing.assert_close(output(model), first)
        with pytest.raises(EdgeError, match="E0086"):
            tuner.read(IDS[:, :0])

    def test_training_reaches_all_four_matrices(self) -> None:
        model, tuner = self.tuner()
        tuner.read(IDS)
        loss(model).backward()
        assert all(p.grad is not None and p.grad.abs().max() > 0 for p in tuner.parameters())


def vl(sharing: str) -> tuple[nn.Module, VLAdapterTuner]:
    model = language_model()
    tuner = attach(model, VLAdapterConfig(("a", "b"), sharing, reduction=2))
    assert isinstance(tuner, VLAdapterTuner)
    for layer in tuner.layers.values():
        for up in layer.up:
            torch.manual_seed(3)
            nn.init.normal_(up, std=0.1)
    return model, tuner


class TestVLAdapter:
    def test_tasks_that_share_have_the_sum_of_their_gradients(self) -> None:
        """The separate ones are tied: they hold the same numbers."""
        gradients = {}
        for sharing in ("single", "multiple"):
            model, tuner = vl(sharing)
            for task, ids in (("a", IDS), ("b", IDS.flip(1))):
                tuner.use(task)
                model(ids, labels=ids).loss.backward()
            gradients[sharing] = [[p.grad for p in layer.down] for layer in tuner.layers.values()]
        for (one,), both in zip(gradients["single"], gradients["multiple"], strict=True):
            assert len(both) == 2
            torch.testing.assert_close(one, both[0] + both[1])

    def test_tied_tasks_compute_what_a_shared_one_does(self) -> None:
        (single, _), (separate, tuner) = vl("single"), vl("multiple")
        for task in ("a", "b"):
            tuner.use(task)
            assert torch.equal(output(separate), output(single))

    @pytest.mark.parametrize(("sharing", "sets"), [("single", 2), ("half", 3), ("multiple", 4)])
    def test_what_is_shared_counts_once(self, sharing: str, sets: int) -> None:
        _, tuner = vl(sharing)
        pairs = sum(1 for p in tuner.parameters() if p.ndim == 2)
        assert pairs == len(tuner.layers) * sets

    def test_each_task_exports_its_own_and_unknown_ones_are_refused(self) -> None:
        _, tuner = vl("half")
        name = next(iter(tuner.layers))
        with torch.no_grad():
            tuner.layers[name].up[1].zero_()
        ups = {}
        for task in ("a", "b"):
            tuner.use(task)
            ups[task] = tuner.state()[name].up
        assert ups["a"].abs().max() > 0
        assert ups["b"].abs().max() == 0
        with pytest.raises(EdgeError, match="E0086"):
            tuner.use("c")

    def test_norms_and_named_inputs_learn_too(self) -> None:
        model = language_model()
        config = VLAdapterConfig(("a",), inputs=("q_proj",), targets=("o_proj",))
        tuner = attach(model, config)
        train(model, tuner.parameters())
        changed = {n for n, change in tuner.state().items() if change.kind == "delta"}
        assert "model.norm.weight" in changed
        assert "model.layers.1.self_attn.q_proj.weight" in changed


class TestResAdapter:
    def test_only_resolution_changing_convolutions_and_norms_of_blocks_learn(self) -> None:
        tuner = attach(unet(), ResAdapterConfig(2))
        assert isinstance(tuner, ResAdapterTuner)
        norms = {f"resnets.{i}.norm1.{leaf}" for i in (0, 1) for leaf in ("weight", "bias")}
        layers = {"downsamplers.0.weight", "upsamplers.0.weight"}
        assert set(tuner.state()) == norms | layers

    def test_images_of_any_size_pass_and_merged_convolutions_agree(self) -> None:
        model = unet()
        tuner = attach(model, ResAdapterConfig(2))
        train(model, tuner.parameters())
        for size in (4, 12):
            images = torch.randn(1, 3, size, size)
            made = model(images)
            other = unet()
            fuse(other, tuner.state())
            torch.testing.assert_close(other(images), made, rtol=1e-4, atol=1e-5)
