"""Random small nets: odd sizes, windows 1-7, asymmetric padding, branches, renamed tensors."""

from __future__ import annotations

import random
from collections.abc import Callable

from edge.ir import Graph
from tests.planning.nets import Net


def random_net(seed: int) -> Graph:
    """A net of 1 to 9 operators; the same for the same seed."""
    rng = random.Random(seed)
    net = Net(f"random{seed}")
    shape = (1, rng.randint(1, 20), rng.randint(1, 6), rng.randint(1, 6))
    images = [net.input(*shape)]
    if rng.random() < 0.2:
        images.append(net.input(*shape))
    for _ in range(rng.randint(1, 9)):
        images.append(rng.choice(_STEPS)(net, rng, images))
    last = images[-1]
    if rng.random() < 0.4:
        last = _classifier(net, rng, last)
    extra = [rng.choice(images[1:])] if rng.random() < 0.3 else []
    outputs = dict.fromkeys([last, *(name for name in extra if name not in net.inputs)])
    return net.graph(*outputs)


def _recent(rng: random.Random, images: list[str]) -> str:
    return images[-1] if rng.random() < 0.8 else rng.choice(images)


def _window(net: Net, rng: random.Random, x: str, least_inside: int) -> dict[str, tuple[int, ...]]:
    """A kernel with stride and padding that fits; windows may lie wholly in the padding if 0."""
    kernel, stride = [], []
    padding: list[int] = []
    for size in net.shape(x)[1:3]:
        k = rng.randint(1, 7)
        most = max(k - least_inside, 0)
        before, after = rng.randint(0, most), rng.randint(0, most)
        if size + before + after < k:
            k, before, after = 1, 0, 0
        kernel.append(k)
        stride.append(rng.randint(1, 2))
        padding += [before, after]
    return {"kernel": tuple(kernel), "stride": tuple(stride), "padding": tuple(padding)}


def _conv(net: Net, rng: random.Random, images: list[str]) -> str:
    x = _recent(rng, images)
    return net.conv(x, rng.randint(1, 8), **_window(net, rng, x, rng.randint(0, 1)))


def _depthwise(net: Net, rng: random.Random, images: list[str]) -> str:
    x = _recent(rng, images)
    return net.depthwise(x, **_window(net, rng, x, rng.randint(0, 1)))


def _pointwise(net: Net, rng: random.Random, images: list[str]) -> str:
    return net.pointwise(_recent(rng, images), rng.randint(1, 12))


def _pool(net: Net, rng: random.Random, images: list[str]) -> str:
    x = _recent(rng, images)
    return net.node(rng.choice(["max_pool2d", "avg_pool2d"]), x, **_window(net, rng, x, 1))


def _residual(net: Net, rng: random.Random, images: list[str]) -> str:
    """A block whose result is added to its input, or to an older tensor of that shape."""
    x = _recent(rng, images)
    y = net.conv(x, net.shape(x)[3], rng.choice([(1, 1), (3, 3), (5, 3)]))
    other = rng.choice([name for name in images if net.shape(name) == net.shape(x)])
    return net.node(rng.choice(["add", "sub"]), *rng.sample([y, other], 2))


def _double(net: Net, rng: random.Random, images: list[str]) -> str:
    x = _recent(rng, images)
    return net.node("add", x, x)


def _scale(net: Net, rng: random.Random, images: list[str]) -> str:
    """A tensor times one value a channel, as in squeeze and excite."""
    x = _recent(rng, images)
    return net.node("mul", x, net.node("mean", x, axes=(1, 2), keepdims=True))


def _average(net: Net, rng: random.Random, images: list[str]) -> str:
    """The average of a whole image by one of the two operators, scaled back onto an image."""
    x = _recent(rng, images)
    _, height, width, channels = net.shape(x)
    if rng.random() < 0.5:
        mean = net.node("mean", x, axes=(1, 2), keepdims=True)
    else:
        mean = net.node("avg_pool2d", x, kernel=(height, width), stride=(height, width))
    fitting = [name for name in images if net.shape(name)[3] == channels]
    return net.node("mul", rng.choice(fitting), mean)


def _concat(net: Net, rng: random.Random, images: list[str]) -> str:
    x = _recent(rng, images)
    fitting = [name for name in images if net.shape(name)[:3] == net.shape(x)[:3]]
    return net.node("concat", x, rng.choice(fitting), axis=3)


def _lookup(net: Net, rng: random.Random, images: list[str]) -> str:
    return net.node("lookup", _recent(rng, images), net.constant(256))


def _reshape(net: Net, rng: random.Random, images: list[str]) -> str:
    x = _recent(rng, images)
    _, height, width, channels = net.shape(x)
    return net.node("reshape", x, shape=(1, width, height, channels))


def _pad(net: Net, rng: random.Random, images: list[str]) -> str:
    padding = (0, 0, rng.randint(0, 2), rng.randint(0, 2), rng.randint(0, 2), 0, 0, 0)
    return net.node("pad", _recent(rng, images), padding=padding)


def _classifier(net: Net, rng: random.Random, x: str) -> str:
    flat = net.node("reshape", x, shape=(1, net.values[x].type.elements))
    return net.softmax(net.linear(flat, rng.randint(1, 10)))


_STEPS: tuple[Callable[[Net, random.Random, list[str]], str], ...] = (
    _conv, _conv, _depthwise, _depthwise, _pointwise, _pool, _residual, _residual, _double,
    _scale, _average, _concat, _lookup, _reshape, _pad,
)  # fmt: skip
