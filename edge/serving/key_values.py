"""Keys and values of requests in pages of the memory that adapters use too.

A block holds as many tokens as fit a page; it takes a page for the keys and one for the values of
each layer. After vLLM's paged attention (Kwon et al. 2023, arXiv:2309.06180).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from edge.errors import fail
from edge.serving.memory import PagedMemory

Table = list[tuple[int, ...]]
"""Of each block of a request its pages: keys and values of layer 0, then of layer 1, .."""


@dataclass(frozen=True, eq=False)
class KeyValues:
    """Where tokens of a model's shape lie. heads: of keys, which queries may share."""

    memory: PagedMemory
    layers: int
    heads: int
    dim: int

    @classmethod
    def of(cls, memory: PagedMemory, config: object) -> KeyValues:
        """For the config of a transformers model.

        Raises EdgeError E0096 for too narrow pages and for layers that attend to a window.
        """
        kinds = set(getattr(config, "layer_types", None) or ()) - {"full_attention"}
        if kinds:
            raise fail("E0096", f"the engine serves no layers of {', '.join(sorted(kinds))}",
                       help=["serve a model all of whose layers have full attention"])  # fmt: skip
        heads, layers, queries, hidden = (
            getattr(config, name)
            for name in ("num_key_value_heads", "num_hidden_layers", "num_attention_heads",
                         "hidden_size")
        )  # fmt: skip
        dim = getattr(config, "head_dim", None) or hidden // queries
        if heads * dim > memory.width:
            raise fail("E0096", f"the keys of a token are {heads * dim} values, "
                                f"a page holds {memory.width}",
                       help=["make the pages of the memory wider"])  # fmt: skip
        return cls(memory, layers, heads, dim)

    @property
    def block(self) -> int:
        """Tokens of a block."""
        return self.memory.width // (self.heads * self.dim)

    @property
    def block_pages(self) -> int:
        """Pages of a block."""
        return 2 * self.layers

    def pages_for(self, tokens: int) -> int:
        """Pages that so many tokens take."""
        return -(-tokens // self.block) * self.block_pages

    def missing(self, table: Table, tokens: int) -> int:
        """Pages to take before a table has room for so many tokens."""
        return max(self.pages_for(tokens) - len(table) * self.block_pages, 0)

    def grow(self, table: Table, tokens: int) -> None:
        """Take what is missing. Raises EdgeError E0090."""
        pages = self.memory.take(self.missing(table, tokens))
        step = self.block_pages
        table += [pages[first : first + step] for first in range(0, len(pages), step)]

    def release(self, table: Table) -> None:
        """Give all blocks back."""
        for pages in table:
            self.memory.release(pages)
        table.clear()

    def numbers(self, table: Table) -> torch.Tensor:
        """int64[blocks, layers, 2]: pages of keys and values."""
        flat = torch.tensor(table, dtype=torch.long, device=self.memory.data.device)
        return flat.view(len(table), self.layers, 2)

    def write(self, pages: torch.Tensor, offsets: torch.Tensor, tokens: torch.Tensor) -> None:
        """Store keys or values [tokens, heads, dim] at places of int64[tokens] pages."""
        size = self.heads * self.dim
        places = offsets[:, None] * size + torch.arange(size, device=offsets.device)
        self.memory.data[pages[:, None], places] = tokens.flatten(1).to(self.memory.data.dtype)

    def read(self, pages: torch.Tensor) -> torch.Tensor:
        """[..., blocks * block, heads, dim] of int64[..., blocks] pages."""
        rows = self.memory.data[pages][..., : self.block * self.heads * self.dim]
        return rows.reshape(*pages.shape[:-1], -1, self.heads, self.dim)
