"""Bi-level routing attention of images, with local context from a convolution (BiFormer,
Zhu et al. 2023, arXiv:2303.08810)."""

from __future__ import annotations

import torch
from torch import nn

from edge.errors import fail
from edge.gpu.attention.attention import sparse_attention
from edge.gpu.attention.policies.bi_level_routing import BiLevelRouting


class BiLevelAttention(nn.Module):
    """Images [B, H, W, channels] to images of the same shape.

    An image is cut into `regions` x `regions`; each region attends to the tokens of `kept` of them.
    A depthwise convolution of the values (`window` x `window`) is added. The paper has 7 regions a
    side and keeps 1, 4, 16 and all of them in its four stages. Raises EdgeError E0077 for channels
    that do not divide by the heads.
    """

    def __init__(
        self, channels: int, heads: int, kept: int, *, regions: int = 7, window: int = 5,
        backend: str = "auto",
    ) -> None:  # fmt: skip
        super().__init__()
        if channels % heads:
            raise fail("E0077", f"{channels} channels do not divide by {heads} heads",
                       help=["choose heads that divide the channels"])  # fmt: skip
        self.heads, self.kept, self.regions, self.backend = heads, kept, regions, backend
        self.query_key_value = nn.Linear(channels, 3 * channels)
        self.local = nn.Conv2d(channels, channels, window, padding=window // 2, groups=channels)
        self.output = nn.Linear(channels, channels)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Raises EdgeError E0077 for an image whose sides do not divide into regions."""
        height, width = image.shape[1:3]
        if height % self.regions or width % self.regions:
            raise fail(
                "E0077", f"an image of {height} x {width} has no {self.regions} regions a side",
                help=[f"pad it to multiples of {self.regions}"],
            )  # fmt: skip
        size = height // self.regions, width // self.regions
        q, k, v = self.query_key_value(image).chunk(3, -1)
        near = self.local(v.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        tokens = [self._tokens(part, size) for part in (q, k, v)]
        policy = BiLevelRouting(self.kept, size[0] * size[1])
        table = policy.table(tokens[0], tokens[1], 1.0)
        far, _ = sparse_attention(tokens[0], tokens[1], tokens[2], table, backend=self.backend)
        result: torch.Tensor = self.output(self._image(far, size) + near)
        return result

    def _tokens(self, image: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
        """[B, heads, T, D], the tokens of a region one after the other."""
        sides, (height, width) = self.regions, size
        cut = image.reshape(len(image), sides, height, sides, width, self.heads, -1)
        return cut.permute(0, 5, 1, 3, 2, 4, 6).flatten(2, 5)

    def _image(self, tokens: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
        """[B, H, W, channels] of what `_tokens` makes."""
        sides = self.regions
        cut = tokens.reshape(len(tokens), self.heads, sides, sides, *size, -1)
        return cut.permute(0, 2, 4, 3, 5, 1, 6).flatten(5, 6).flatten(3, 4).flatten(1, 2)
