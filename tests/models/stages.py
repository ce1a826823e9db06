"""The published shapes of mobile networks, as plain tables that need no torch."""

from __future__ import annotations

# Howard et al. 2017, table 1: output channels and stride of each pair of a depthwise and a
# pointwise convolution.
MOBILENET_V1 = (
    (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *((512, 1),) * 5, (1024, 2),
    (1024, 1),
)  # fmt: skip

# Sandler et al. 2018, table 2: kernel, expansion, channels at width 1, repeats, first stride.
MOBILENET_V2 = (
    (3, 1, 16, 1, 1), (3, 6, 24, 2, 2), (3, 6, 32, 3, 2), (3, 6, 64, 4, 2), (3, 6, 96, 3, 1),
    (3, 6, 160, 3, 2), (3, 6, 320, 1, 1),
)  # fmt: skip

# Tan and Le 2019, table 1, in the same columns.
EFFICIENTNET_B0 = (
    (3, 1, 16, 1, 1), (3, 6, 24, 2, 2), (5, 6, 40, 2, 2), (3, 6, 80, 3, 2), (5, 6, 112, 3, 1),
    (5, 6, 192, 4, 2), (3, 6, 320, 1, 1),
)  # fmt: skip

# Howard et al. 2019, table 2 (small): kernel, expanded channels, output channels,
# squeeze-and-excitation, hard-swish, stride of each block.
MOBILENET_V3_SMALL = (
    (3, 16, 16, True, False, 2), (3, 72, 24, False, False, 2), (3, 88, 24, False, False, 1),
    (5, 96, 40, True, True, 2), (5, 240, 40, True, True, 1), (5, 240, 40, True, True, 1),
    (5, 120, 48, True, True, 1), (5, 144, 48, True, True, 1), (5, 288, 96, True, True, 2),
    (5, 576, 96, True, True, 1), (5, 576, 96, True, True, 1),
)  # fmt: skip

# MCUNet-5FPS (Lin et al. 2020), as published by mit-han-lab/tiny-training: expanded channels (0:
# none), kernel, stride and output channels of each block.
MCUNET_5FPS = (
    (0, 3, 1, 8), (32, 3, 2, 16), (48, 3, 1, 16), (48, 7, 2, 24), (120, 3, 1, 24), (120, 3, 2, 40),
    (160, 7, 1, 40), (160, 5, 1, 48), (144, 3, 1, 48), (192, 3, 1, 48), (240, 7, 2, 96),
    (384, 5, 1, 96), (384, 5, 1, 96), (576, 3, 1, 160),
)  # fmt: skip


def scaled(channels: int, width: float, divisor: int = 8) -> int:
    """Channels times width, rounded to a multiple of 8 but not down by more than a tenth."""
    rounded = max(divisor, int(channels * width + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * channels * width else rounded
