"""Random convolutions and pools: odd kernels, strides, paddings, dilations, groups."""

from __future__ import annotations

import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn

from tests.frontends.torch_oracle import check_import, noise

small = st.integers(1, 4)
pairs = st.tuples(small, small)
paddings = st.tuples(st.integers(0, 3), st.integers(0, 3))
sizes = st.tuples(st.integers(1, 9), st.integers(1, 9))


@given(sizes, pairs, pairs, paddings, pairs, small, small, small, st.booleans())
@settings(max_examples=60, deadline=None, derandomize=True)
def test_any_convolution(size, kernel, stride, padding, dilation, groups, ins, outs, bias):
    spans = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    assume(all(n + 2 * p >= s for n, p, s in zip(size, padding, spans, strict=True)))
    channels = (groups * ins, groups * outs)
    module = nn.Conv2d(*channels, kernel, stride, padding, dilation, groups, bias)
    check_import(module, noise(1, channels[0], *size))


@given(sizes, pairs, pairs, paddings, st.booleans(), st.booleans())
@settings(max_examples=40, deadline=None, derandomize=True)
def test_any_pool(size, kernel, stride, padding, average, include_padding):
    assume(all(p <= k // 2 for p, k in zip(padding, kernel, strict=True)))
    assume(all(n + 2 * p >= k for n, p, k in zip(size, padding, kernel, strict=True)))
    module: nn.Module = nn.MaxPool2d(kernel, stride, padding)
    if average:
        module = nn.AvgPool2d(kernel, stride, padding, count_include_pad=include_padding)
    check_import(module, noise(1, 3, *size))


@given(st.integers(1, 20), small, st.integers(1, 3), small, st.booleans())
@settings(max_examples=20, deadline=None, derandomize=True)
def test_any_sequence_convolution(length, kernel, dilation, channels, depthwise):
    groups = channels if depthwise else 1
    module = nn.Conv1d(channels, channels, kernel, padding="same", dilation=dilation, groups=groups)
    check_import(module, torch.relu(noise(1, channels, length)))
