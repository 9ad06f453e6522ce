"""Links that somebody has changed, by number, for every concept."""

from __future__ import annotations

import math
from random import Random
from urllib.parse import quote, urlencode

from dlviz import catalog, links

ENDLESS = ["9" * 5000, "1" * 400 + ".5", "x" * 100_000, "[" * 5000, "%" * 3000, "panels," * 500]
TEXTS = [
    "nan", "NaN", "-nan", "inf", "-Infinity", "1e309", "-1e309", "1e-400", "0x10", "1_000", "１２", "٣", "½", "1,5",
    "1.5.2", "--1", "+1", " 1 ", "1e", "true", "True", "yes", "2", "null", "None", "undefined", "[]", "{}", "[1]",
    '{"a":1}', "", " ", "\t", "\x00", "\x1b[31m", "\ud7ff", "\U0010ffff", "\u202eRTL", "é", "Αdam", "аdam", "ADAM",
    "adam ", "学习率", "🙂", "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "javascript:alert(1)",
    "$\\LaTeX$", "`code`", "**b**", "{0}", "{settings}", "%s%n", "../../etc/passwd", "file:///etc/passwd",
    "__import__('os')", "'; DROP TABLE x;--", ":material/bolt:", "a,b", ",", ",,,", "a&b=c", "a=b", "#",
]  # fmt: skip
FIGURES = ["hero", "loss", "step", "azimuth", "x" * 41, "", "é"]
BROKEN = ["%", "%2", "%zz", "%00", "%ff%fe", "%c0%af", "%u0041", "+%20+", "%F0%9F%99%82", "%ED%A0%80"]
"""Percent signs that stand for nothing, or for no letter."""
NAMES = [
    "lang", "pin", "theme", "embed", "embed_options", "panel", "Panels", "panels[]", "seed ", "SEED", "ѕeed", "", " ",
    "_", "__class__", "model_fields", "model_config", "differing", "lenient", "constructor", "__proto__", "pin.seed",
    "n" * 300, "visit", "open_page", "left_pages", "preset", "reset", "group_", "language_switch", "save_format",
    "view", "view", "z", "seen", "clicked", "utm_source",
]  # fmt: skip


def _tampered_value(rng: Random, model) -> str:
    """A value that may be right for some setting of a model, nearly right, or nonsense."""
    name = rng.choice(list(model.model_fields))
    options, (low, high) = model.options(name), model.bounds(name)
    kinds = [
        lambda: rng.choice(TEXTS),
        lambda: repr(rng.uniform(-1e3, 1e3)),
        lambda: str(rng.randint(-(10**20), 10**20)),
    ]
    if options:
        kinds += [lambda: rng.choice(options), lambda: ",".join(rng.choices(options, k=rng.randint(1, 40)))]
    if low is not None:
        near = [low, high, low - 1e-9, high + 1e-9, low - 1, high + 1, -low, high * 1e6]
        kinds += [
            lambda: str(rng.choice(near)),
            lambda: repr(float(rng.choice(near))),
            lambda: f"{rng.choice(near):.3e}",
        ]
    if rng.random() < 0.02:
        return rng.choice(ENDLESS)
    return rng.choice(kinds)()


def tampered(stem: str, number: int) -> str:
    """The query string of a link that somebody has changed; the same number gives the same one."""
    model = catalog.concepts()[stem].experiment.Settings
    rng = Random(f"{stem} {number}")
    parts = []
    for _ in range(rng.choice([1, 1, 2, 3, 5, 8, 40])):
        name = rng.choice(list(model.model_fields) if rng.random() < 0.75 else NAMES)
        value = _tampered_value(rng, model)
        if name == "pin" and rng.random() < 0.8:
            inner = [(rng.choice([*model.model_fields, *NAMES]), _tampered_value(rng, model)) for _ in range(3)]
            value = urlencode(inner) if rng.random() < 0.8 else urlencode([("pin", urlencode(inner))])
        if name == "view" and rng.random() < 0.7:
            value = ",".join(f"{rng.choice(FIGURES)}.{rng.choice(FIGURES)}:{rng.uniform(-9, 99):.3g}" for _ in range(3))
        if name == "z" and rng.random() < 0.7:
            value = links.shorten(urlencode([(rng.choice(NAMES), _tampered_value(rng, model))]))
        pair = f"{quote(name)}={quote(value)}" if rng.random() < 0.85 else f"{name}={value}"
        if rng.random() < 0.1:
            pair += rng.choice(BROKEN)
        parts += [pair] * rng.choice([1, 1, 1, 1, 2, 3])
    rng.shuffle(parts)
    return rng.choice(["&", "&", "&", "&", "&&", ";"]).join(parts)


def within(settings) -> None:
    """Assert that every setting lies within its bounds: by the model's own table, not by its validators."""
    model = type(settings)
    for name, knob in model.knobs().items():
        value, options, (low, high) = getattr(settings, name), model.options(name), model.bounds(name)
        if isinstance(value, tuple):
            assert set(value) <= set(options) and len(set(value)) == len(value), (name, value)
        elif options:
            assert value in options, (name, value)
        elif isinstance(value, str):
            assert len(value) <= 10_000, name
        elif isinstance(value, int | float) and not isinstance(value, bool):
            assert math.isfinite(value), (name, value)
            assert low is None or low <= value <= high, (name, value)
            if knob.span is not None:
                least, greatest, _usual = knob.span(settings)
                assert least <= value <= greatest, (name, value)
