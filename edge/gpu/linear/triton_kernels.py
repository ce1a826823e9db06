"""Products with packed weights in Triton, for decoding: what is not stored is made in registers.

At a few tokens a step the bytes of the weights bind, not the products. For many tokens use
"cusparselt", which has sparse tensor cores.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from edge.gpu.interpreter import tl, triton
from edge.gpu.linear.layouts import Blocks
from edge.gpu.linear.layouts.groups import place_bits
from edge.gpu.linear.numbers import GROUP, stored_length
from edge.gpu.linear.packed import PackedSparse, of_numbers
from edge.sparsity.patterns import NM, Block, Unstructured

_TOKENS, _OUTPUTS, _GROUPS = 16, 32, 16


@triton.jit  # type: ignore[untyped-decorator]
def _number(values, at, there, BITS: tl.constexpr):  # type: ignore[no-untyped-def]
    """Number `at` of a stored form, float32."""
    if BITS == 4:
        byte = tl.load(values + at // 2, mask=there, other=0).to(tl.int32)
        number = (((byte >> (at % 2 * 4)) & 15) ^ 8) - 8
    else:
        number = tl.load(values + at, mask=there, other=0)
    return number.to(tl.float32)


@triton.jit  # type: ignore[untyped-decorator]
def _scaled(  # type: ignore[no-untyped-def]
    weights, scale, row, column, there, scales, BITS: tl.constexpr, SHARED: tl.constexpr
):  # fmt: skip
    """Weights times the scale of their 32 inputs, which int4 has."""
    if BITS == 4:
        weights *= tl.load(scale + row * scales + column // SHARED, mask=there, other=0.0).to(
            tl.float32
        )
    return weights


@triton.jit  # type: ignore[untyped-decorator]
def _finished(sums, scale, bias, row, there, BITS: tl.constexpr, BIAS: tl.constexpr):  # type: ignore[no-untyped-def]
    """Sums [tokens, rows] times the scale of their row, which int8 has, plus the bias."""
    if BITS == 8:
        sums *= tl.load(scale + row, mask=there, other=0.0)[None, :]
    if BIAS:
        sums += tl.load(bias + row, mask=there, other=0.0)[None, :]
    return sums


@triton.jit  # type: ignore[untyped-decorator]
def _groups(  # type: ignore[no-untyped-def]
    x, values, index, tail, scale, bias, y, tokens, outputs, inputs, groups, value_row, index_row,
    tail_row, scales, N: tl.constexpr, M: tl.constexpr, PLACE: tl.constexpr, BITS: tl.constexpr,
    SHARED: tl.constexpr, BIAS: tl.constexpr, TAIL: tl.constexpr, TOKENS: tl.constexpr,
    OUTPUTS: tl.constexpr, GROUPS: tl.constexpr,
):  # fmt: skip
    """N:M, a tile of tokens and outputs: column c of every group at a time."""
    token = tl.program_id(0) * TOKENS + tl.arange(0, TOKENS)
    row = tl.program_id(1).to(tl.int64) * OUTPUTS + tl.arange(0, OUTPUTS)
    is_token, is_row = token < tokens, row < outputs
    sums = tl.zeros((TOKENS, OUTPUTS), tl.float32)
    for first in range(0, groups, GROUPS):
        group = first + tl.arange(0, GROUPS)
        is_group = group < groups
        there = is_row[:, None] & is_group[None, :]
        for c in tl.static_range(M):
            weights = tl.zeros((OUTPUTS, GROUPS), tl.float32)
            for j in tl.static_range(N):
                kept = group * N + j
                bit = kept * PLACE
                at = index + row[:, None] * index_row + (bit // 8)[None, :]
                low = tl.load(at, mask=there, other=0).to(tl.int32)
                more = there & (bit // 8 + 1 < index_row)[None, :]
                high = tl.load(at + 1, mask=more, other=0).to(tl.int32)
                place = ((low | (high << 8)) >> (bit % 8)[None, :]) & ((1 << PLACE) - 1)
                number = _number(values, row[:, None] * value_row + kept[None, :], there, BITS)
                weights += tl.where(place == c, number, 0.0)
            column = group * M + c
            weights = _scaled(
                weights, scale, row[:, None], column[None, :], there, scales, BITS, SHARED
            )
            seen = is_token[:, None] & is_group[None, :]
            part = tl.load(x + token[:, None] * inputs + column[None, :], mask=seen, other=0.0)
            sums += tl.dot(part, tl.trans(weights.to(part.dtype)), input_precision="ieee")
    if TAIL > 0:
        place = tl.arange(0, TAIL)
        column = groups * M + place
        is_column = column < inputs
        there = is_row[:, None] & is_column[None, :]
        weights = _number(tail, row[:, None] * tail_row + place[None, :], there, BITS)
        weights = _scaled(
            weights, scale, row[:, None], column[None, :], there, scales, BITS, SHARED
        )
        seen = is_token[:, None] & is_column[None, :]
        part = tl.load(x + token[:, None] * inputs + column[None, :], mask=seen, other=0.0)
        sums += tl.dot(part, tl.trans(weights.to(part.dtype)), input_precision="ieee")
    sums = _finished(sums, scale, bias, row, is_row, BITS, BIAS)
    written = is_token[:, None] & is_row[None, :]
    tl.store(y + token[:, None] * outputs + row[None, :], sums.to(y.dtype.element_ty), mask=written)


@triton.jit  # type: ignore[untyped-decorator]
def _blocks(  # type: ignore[no-untyped-def]
    x, values, starts, columns, scale, bias, y, tokens, outputs, inputs, scales,
    HEIGHT: tl.constexpr, WIDTH: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr,
    BITS: tl.constexpr, SHARED: tl.constexpr, BIAS: tl.constexpr, TOKENS: tl.constexpr,
):  # fmt: skip
    """Blocks, a tile of tokens and a row of blocks; ROWS and COLUMNS are powers of two."""
    token = tl.program_id(0) * TOKENS + tl.arange(0, TOKENS)
    block_row = tl.program_id(1)
    i, j = tl.arange(0, ROWS), tl.arange(0, COLUMNS)
    row = block_row.to(tl.int64) * HEIGHT + i
    is_token, is_row = token < tokens, (i < HEIGHT) & (row < outputs)
    sums = tl.zeros((TOKENS, ROWS), tl.float32)
    for slot in range(tl.load(starts + block_row), tl.load(starts + block_row + 1)):
        column = tl.load(columns + slot) * WIDTH + j
        is_column = (j < WIDTH) & (column < inputs)
        there = is_row[:, None] & is_column[None, :]
        at = slot * (HEIGHT * WIDTH) + i[:, None] * WIDTH + j[None, :]
        weights = _number(values, at, there, BITS)
        weights = _scaled(
            weights, scale, row[:, None], column[None, :], there, scales, BITS, SHARED
        )
        seen = is_token[:, None] & is_column[None, :]
        part = tl.load(x + token[:, None] * inputs + column[None, :], mask=seen, other=0.0)
        sums += tl.sum(part.to(tl.float32)[:, None, :] * weights[None, :, :], 2)
    sums = _finished(sums, scale, bias, row, is_row, BITS, BIAS)
    written = is_token[:, None] & is_row[None, :]
    tl.store(y + token[:, None] * outputs + row[None, :], sums.to(y.dtype.element_ty), mask=written)


def triton_linear(x: torch.Tensor, packed: PackedSparse) -> torch.Tensor:
    """x [tokens, in] times a packed weight, [tokens, out] of the type of x.

    Weights of the pattern "variable" run as single weights. Without a GPU Triton's interpreter
    runs it, which proves indexing and arithmetic, not speed.
    """
    y = torch.empty(len(x), packed.shape[0], dtype=x.dtype, device=x.device)
    if isinstance(packed.pattern, NM):
        _launch_groups(x.contiguous(), packed, packed.pattern, y)
    elif isinstance(packed.pattern, Block | Unstructured):
        _launch_blocks(x.contiguous(), packed, y)
    else:
        single = of_numbers(
            packed.numbers(), packed.scale, Unstructured(), packed.bits, packed.bias
        )
        _launch_blocks(x.contiguous(), single, y)
    return y


def _launch_groups(x: torch.Tensor, packed: PackedSparse, pattern: NM, y: torch.Tensor) -> None:
    outputs, inputs = packed.shape
    groups, tail = divmod(inputs, pattern.m)
    rows = (2 * stored_length(n, 4) if packed.bits == 4 else n for n in (groups * pattern.n, tail))
    nothing, grid = packed.values, (-(-len(x) // _TOKENS), -(-outputs // _OUTPUTS))
    _groups[grid](
        x, packed.values, packed.index, _or(packed.tail, nothing), _or(packed.scale, nothing),
        _or(packed.bias, nothing), y, len(x), outputs, inputs, groups, next(rows),
        packed.index.shape[1], next(rows), _scales(packed), N=pattern.n, M=pattern.m,
        PLACE=place_bits(pattern.m), BITS=packed.bits, SHARED=GROUP, BIAS=packed.bias is not None,
        TAIL=max(16, triton.next_power_of_2(tail)) if tail else 0, TOKENS=_TOKENS,
        OUTPUTS=_OUTPUTS, GROUPS=_GROUPS,
    )  # fmt: skip


def _launch_blocks(x: torch.Tensor, packed: PackedSparse, y: torch.Tensor) -> None:
    pattern, (outputs, inputs) = packed.pattern, packed.shape
    block = (pattern.out, pattern.into) if isinstance(pattern, Block) else (1, 1)
    counts, columns = Blocks(block).counts(packed.index, outputs)
    starts = torch.nn.functional.pad(counts.cumsum(0), (1, 0)).int()
    power: Callable[[int], int] = triton.next_power_of_2
    _blocks[(-(-len(x) // _TOKENS), len(counts))](
        x, packed.values, starts, columns.int(), _or(packed.scale, packed.values),
        _or(packed.bias, packed.values), y, len(x), outputs, inputs, _scales(packed),
        HEIGHT=block[0], WIDTH=block[1], ROWS=power(block[0]), COLUMNS=power(block[1]),
        BITS=packed.bits, SHARED=GROUP, BIAS=packed.bias is not None, TOKENS=_TOKENS,
    )  # fmt: skip


def _or(tensor: torch.Tensor | None, nothing: torch.Tensor) -> torch.Tensor:
    """A pointer that the kernel does not follow where there is no tensor."""
    return nothing if tensor is None else tensor


def _scales(packed: PackedSparse) -> Any:
    """Scales of a row."""
    return packed.scale.shape[1] if packed.bits == 4 and packed.scale is not None else 1
