"""A batch whose rows have different adapters, through any torch model with linear layers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

import torch

from edge.serving.adapter import unfit
from edge.serving.grouped_lora import grouped_lora_
from edge.serving.pool import AdapterPool

Hook = Callable[[torch.nn.Module, tuple[torch.Tensor, ...], torch.Tensor], torch.Tensor]


@contextmanager
def mixed_batch(
    model: torch.nn.Module,
    pool: AdapterPool,
    adapters: Sequence[str | None],
    backend: str = "auto",
) -> Iterator[None]:
    """Inside the block, row b of every batch that goes through the model has adapters[b].

    None is the base model. The adapters stay in the pool meanwhile. Raises EdgeError E0091 for one
    that is not loaded or was made for another model.
    """
    with ExitStack() as stack:
        stack.enter_context(pool.pinned(adapters))
        modules = dict(model.named_modules())
        for layer in sorted(pool.layers(adapters)):
            module = modules.get(layer)
            if not isinstance(module, torch.nn.Linear):
                raise unfit(layer, "the model has no linear layer of this name")
            handle = module.register_forward_hook(_hook(pool, layer, adapters, backend))
            stack.callback(handle.remove)
        yield


def _hook(pool: AdapterPool, layer: str, adapters: Sequence[str | None], backend: str) -> Hook:
    def add(
        _: torch.nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor
    ) -> torch.Tensor:
        x, y = inputs[0].flatten(0, -2), output.flatten(0, -2).contiguous()
        if output.shape[0] != len(adapters):
            raise unfit(layer, f"the batch has {output.shape[0]} rows, {len(adapters)} are named")
        tokens = [name for name in adapters for _ in range(len(y) // len(adapters))]
        return grouped_lora_(y, x, pool, layer, tokens, backend).view(output.shape)

    return add
