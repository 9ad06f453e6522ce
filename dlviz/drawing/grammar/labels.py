"""Text that keeps out of its own way."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from itertools import takewhile

import numpy as np

from dlviz.formulas import plain


def dodge(targets: Sequence[float], heights: Sequence[float], low: float, high: float) -> np.ndarray:
    """Places for labels that would like to be at ``targets`` and must not overlap.

    All in one unit (px), along one direction. Each label takes ``heights[i]`` around its place; all stay
    within [low, high] if there is room for them, and share the overflow on both sides if not. The
    result has the least sum of squared moves that keeps the order of the targets: shifted by the
    room below them, the places are an isotonic regression (pool adjacent violators; Barlow et al. 1972).
    """
    want, tall = np.asarray(targets, dtype=float), np.asarray(heights, dtype=float)
    if not want.size:
        return want
    order = np.argsort(want, kind="stable")
    gaps = (tall[order][1:] + tall[order][:-1]) / 2
    below = np.concatenate([[0.0], np.cumsum(gaps)])
    blocks: list[list[float]] = []  # mean, count
    for value in want[order] - below:
        blocks.append([float(value), 1])
        while len(blocks) > 1 and blocks[-2][0] >= blocks[-1][0]:
            mean, count = blocks.pop()
            blocks[-1] = [
                (blocks[-1][0] * blocks[-1][1] + mean * count) / (blocks[-1][1] + count),
                blocks[-1][1] + count,
            ]
    shifted = np.repeat([mean for mean, _ in blocks], [int(count) for _, count in blocks])
    least, most = low + tall[order][0] / 2, high - tall[order][-1] / 2 - below[-1]
    if least > most:
        least = most = (least + most) / 2
    places = np.empty(len(want))
    places[order] = np.clip(shifted, least, most) + below
    return places


def columns(text: str) -> int:
    """How many letters wide a text is; a Chinese character counts as two, a formula as its plain form."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in plain(text))


def wrap(text: str, width: int) -> list[str]:
    """Lines of at most ``width`` columns, broken at spaces or between Chinese characters, a longer link anywhere.

    Mathematics stays whole.

    Where a word or two would be left for the last line, narrower lines leave it a quarter of the width, if no
    line is added.
    """
    pieces = []
    for piece in _pieces(text):
        step = len(piece) if "$" in piece else width
        pieces += [piece[i : i + step] for i in range(0, len(piece.rstrip()) or 1, step)]
    lines = _filled(pieces, width)
    if len(lines) < 2 or columns(lines[-1]) >= width / 4:
        return lines
    longest = max(columns(piece.rstrip()) for piece in pieces)
    narrower = (_filled(pieces, least) for least in range(width - 1, longest - 1, -1))
    possible = takewhile(lambda tried: len(tried) == len(lines), narrower)
    return next((tried for tried in possible if columns(tried[-1]) >= width / 4), lines)


def _filled(pieces: list[str], width: int) -> list[str]:
    lines, line = [], ""
    for piece in pieces:
        if line and columns(line) + columns(piece.rstrip()) > width:
            lines.append(line.rstrip())
            line = piece.lstrip()
        else:
            line += piece
    return [*lines, line.rstrip()] if line.strip() else lines


def _pieces(text: str) -> list[str]:
    pieces, word, formula = [], "", False
    opening = "（《“"
    for c, following in zip(text, text[1:] + " ", strict=False):
        formula ^= c == "$" and not word.endswith("\\")
        if formula:
            word += c
            continue
        wide = unicodedata.east_asian_width(c) in "WF"
        closing = c in "，。；：、！？）》”"
        if wide and not closing and word and word not in opening:
            pieces.append(word)
            word = ""
        word += c
        # What stands around a sign of equality stays with it.
        parts = c == " " and following != "=" and not word.endswith("= ")
        if parts or wide and not closing and c not in opening:
            pieces.append(word)
            word = ""
        elif closing and not word.strip(c) and pieces:
            # Closing marks stay with what they close.
            pieces[-1] += word
            word = ""
    return [*pieces, word] if word else pieces
