"""The 15 update schemes of mit-han-lab/tiny-training (MIT), and the networks they are made for.

Lin et al., On-Device Training Under 256KB Memory (NeurIPS 2022); figures of
compilation/mcu_ir_gen.py. Convolutions are numbered in execution order without the classifier.
"""

from __future__ import annotations

from dataclasses import dataclass

from edge.training.memory_model import LayerGeometry
from tests.models.stages import MCUNET_5FPS

Blocks = tuple[tuple[int, int, int, int], ...]  # expanded channels, kernel, stride, output channels

_MBV2_TAIL: Blocks = (
    (96, 3, 2, 24), *((144, 3, 1, 24),) * 3, (144, 3, 1, 32), *((192, 3, 1, 32),) * 2,
    (192, 3, 2, 56), *((336, 3, 1, 56),) * 2, (336, 3, 1, 112),
)  # fmt: skip
_PROXYLESS_TAIL: Blocks = (
    *((48, 5, 1, 16),) * 2, (96, 7, 2, 24), *((72, 5, 1, 24),) * 3, (144, 5, 1, 32),
    *((96, 5, 1, 32),) * 3, (192, 7, 2, 64), (384, 7, 1, 64), *((192, 7, 1, 64),) * 2,
    (384, 7, 1, 96),
)  # fmt: skip


def geometry(blocks: Blocks, channels: int, size: int, first: int = 0) -> dict[int, LayerGeometry]:
    """Layers of inverted bottlenecks, numbered from `first`."""
    layers: list[LayerGeometry] = []
    for expanded, kernel, stride, out in blocks:
        if expanded:
            layers.append(LayerGeometry(channels, expanded, 1, 1, size**2, size**2))
        wide, smaller = expanded or channels, -(-size // stride)
        layers.append(LayerGeometry(wide, wide, kernel**2, wide, size**2, smaller**2))
        layers.append(LayerGeometry(wide, out, 1, 1, smaller**2, smaller**2))
        channels, size = out, smaller
    return dict(enumerate(layers, first))


LAYERS = {
    "mcunet-5fps": {
        0: LayerGeometry(3, 16, 9, 1, 128**2, 64**2), **geometry(MCUNET_5FPS, 16, 64, 1)
    },
    "mbv2-w0.35": {
        17: LayerGeometry(96, 16, 1, 1, 16**2, 16**2), **geometry(_MBV2_TAIL, 16, 16, 18)
    },
    "proxyless-w0.3": geometry(_PROXYLESS_TAIL, 16, 16, 15),
}  # fmt: skip


@dataclass(frozen=True)
class Published:
    """A scheme: how many biases, which ratios, and weights, biases, saved inputs, masks, total."""

    model: str
    kib: int
    bias_layers: int
    ratios: tuple[tuple[int, float], ...]
    parts: tuple[int, int, int, int]
    total: int


def _all(*layers: int) -> tuple[tuple[int, float], ...]:
    return tuple((layer, 1.0) for layer in layers)


_MC, _MB, _PX = LAYERS
SCHEMES = (
    Published(_MC, 49, 20, ((24, 1 / 4), (27, 1 / 2), (30, 1 / 2)),
              (12096, 4592, 3840, 16480), 50784),
    Published(_MC, 74, 21, (*_all(21, 24), (27, 1 / 2), (30, 1.0)),
              (29440, 4752, 10240, 17760), 76448),
    Published(_MC, 99, 22, (*_all(21, 24, 27, 30), (36, 1 / 8), (39, 1 / 4)),
              (52480, 4792, 12352, 18080), 102080),
    Published(_MC, 124, 24, ((21, 1 / 4), *_all(24, 27, 30), (33, 1 / 2), (39, 1 / 2)),
              (75328, 5112, 11392, 20640), 127808),
    Published(_MC, 148, 23, (*_all(21, 24, 27, 30, 36), (39, 1 / 2)),
              (98560, 4952, 14080, 19360), 151808),
    Published(_MB, 49, 16, (*_all(36, 39), (41, 1 / 4), (42, 1 / 8), (45, 1 / 8), (48, 1 / 8),
                            (49, 1 / 8)), (22410, 3128, 5872, 10096), 50890),
    Published(_MB, 73, 20, ((32, 1 / 8), (33, 1 / 2), (36, 1 / 2), (39, 1.0), (41, 1 / 4),
                            (42, 1 / 8), (45, 1 / 8), (48, 1.0)),
              (39072, 3688, 7136, 14576), 75536),
    Published(_MB, 99, 25, (*_all(27, 30, 33, 36, 39), (42, 1 / 8), (45, 1 / 2), (48, 1.0)),
              (55920, 4168, 10672, 18416), 101680),
    Published(_MB, 123, 31, (*_all(27, 30, 33, 36, 39), (42, 1 / 2), *_all(45, 48)),
              (72384, 4792, 11456, 23408), 126416),
    Published(_MB, 138, 34, _all(27, 30, 33, 36, 39, 42, 45, 48),
              (81792, 5000, 11904, 27760), 141456),
    Published(_PX, 49, 21, ((39, 1 / 4), *_all(42, 45), (51, 1 / 8), (54, 1 / 4), (57, 1 / 4)),
              (20736, 3488, 5248, 10816), 50752),
    Published(_PX, 74, 28, ((33, 1 / 2), (36, 1 / 4), *_all(39, 42, 45), (51, 1 / 2), (54, 1 / 4),
                            (57, 1 / 2)), (36288, 4056, 8704, 15360), 76576),
    Published(_PX, 98, 25, ((36, 1.0), (39, 1 / 2), *_all(42, 45), (48, 1 / 4), (51, 1 / 2),
                            *_all(54, 57)), (62976, 3744, 9984, 12864), 100800),
    Published(_PX, 120, 32, (*_all(36, 39, 42, 45), (48, 1 / 2), *_all(51, 54, 57)),
              (76800, 4296, 11776, 17280), 123040),
    Published(_PX, 148, 45, _all(36, 39, 42, 45, 48, 51, 54, 57),
              (89088, 4976, 12288, 30400), 151680),
)  # fmt: skip
