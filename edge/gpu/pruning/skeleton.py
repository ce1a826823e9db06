"""A transformers model without weights, filled part by part from a checkpoint."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from edge.errors import fail
from edge.gpu.pruning.checkpoint import Checkpoint
from edge.silence import silenced
from edge.sparsity.layerwise.blocks import block_list


@dataclass(frozen=True, eq=False)
class Skeleton:
    """model: on the meta device; its blocks are called `prefix`.0, `prefix`.1, ..."""

    checkpoint: Checkpoint
    model: nn.Module
    prefix: str
    blocks: nn.ModuleList
    device: torch.device

    @classmethod
    def of(cls, checkpoint: Checkpoint, device: torch.device) -> Skeleton:
        """The model that config.json describes. Raises EdgeError E0060, E0061, E0064."""
        try:
            with silenced():
                model = _empty_model(checkpoint.folder)
        except (ValueError, KeyError) as error:
            raise fail(
                "E0064", f"config.json describes no language model: {str(error).splitlines()[0]}",
                str(checkpoint.folder), help=["its model_type must be a causal language model's"],
            ) from error  # fmt: skip
        prefix, blocks = block_list(model)
        for module in model.modules():
            for name, buffer in module.named_buffers(recurse=False):
                setattr(module, name, buffer.to(device))
        checkpoint.require({n: tuple(p.shape) for n, p in blocks.named_parameters(prefix)})
        return cls(checkpoint, model, prefix, blocks, device)

    @contextmanager
    def loaded(self, index: int) -> Iterator[nn.Module]:
        """A block with its weights inside, without them after."""
        block, name = self.blocks[index], f"{self.prefix}.{index}"
        self._fill(block, name)
        try:
            yield block
        finally:
            block.to("meta")

    def _fill(self, module: nn.Module, name: str) -> None:
        names = {f"{name}.{part}": part for part, _ in module.named_parameters()}
        tensors = self.checkpoint.load(names, self.device)
        state = {names[full]: tensor for full, tensor in tensors.items()}
        module.load_state_dict(state, strict=False, assign=True)

    @contextmanager
    def filled_when_called(self) -> Iterator[nn.Module]:
        """The model, of which each part outside the blocks gets its weights when it is called."""
        outside = {
            name: module for name, module in self.model.named_modules()
            if any(True for _ in module.parameters(recurse=False))
            and not name.startswith(f"{self.prefix}.")
        }  # fmt: skip

        def filler(name: str) -> Any:
            return lambda module, _: self._fill(module, name)

        handles = [m.register_forward_pre_hook(filler(name)) for name, m in outside.items()]
        try:
            yield self.model
        finally:
            for handle, module in zip(handles, outside.values(), strict=True):
                handle.remove()
                module.to("meta")

    def other_tensors(self) -> list[str]:
        """The checkpoint's tensors outside the blocks."""
        return [name for name in self.checkpoint.files if not name.startswith(f"{self.prefix}.")]


def _empty_model(folder: Path) -> nn.Module:
    """A model with its parameters on the meta device; buffers, such as rotary tables, are real."""
    from accelerate import init_empty_weights
    from transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.from_pretrained(folder, local_files_only=True)
    config.use_cache = False
    factory: Any = AutoModelForCausalLM
    with init_empty_weights(include_buffers=False):
        model: nn.Module = factory.from_config(config).eval()
    return model
