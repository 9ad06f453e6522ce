"""What stands in a link beside plain settings: the pinned run, where the sliders of charts stand, and its short form.

Importing this loads neither streamlit nor torch.
"""

from __future__ import annotations

import re
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
from urllib.parse import parse_qsl, urlencode

from dlviz.contract import Settings
from dlviz.provenance import number, parameters

DEFAULT = "default"
OFTEN = (
    b"&trained_seeds=&training_steps=&symmetry_steps=&source_steps=&basin_steps=&inside_optimizer=&weight_decay="
    b"&momentum_beta=&adam_beta1=&adam_epsilon=&rmsprop_learning_rate=&momentum_learning_rate=&gd_learning_rate="
    b"&adam_learning_rate=&tuned=true&own_rates=true&surface_3d=true&surface=Custom&expression=%2A%28x%5E2+%2B+y%5E2%29"
    b"&optimizers=GD&optimizers=Momentum&optimizers=Adam&start_x=-&start_y=-0.&learning_rate=0.0&function=ReLU"
    b"&activation=Tanh&scheme=He+normal&data=Digits&cells=LSTM&cells=RNN+tanh&matrix=Orthogonal&radius=1.&hidden=32"
    b"&network=CNN&layers=&depth=&width=&labels=5&seeds=&seed=1&steps=200&panels=&pin=%3D0.1%26&view=hero.step%3A"
    b"&lang=en&lang=zh"
)
"""What links often hold, most likely last. Never to be changed: a shortened link points into it (RFC 1950, 2.3)."""
View = tuple[tuple[str, float], ...]
"""Where the sliders of a chart stand that were moved: (parameter, value)."""
_SLIDER = re.compile(r"(\w{1,40})\.(\w{1,40}):(-?\d{1,12}(?:\.\d{1,12})?)", re.ASCII)
MAX_PACKED = 4000
"""Characters of a packed run that are read at all; a full one is shorter."""
MAX_QUERY = 4 * MAX_PACKED
"""Characters of a shortened link that are read at all: it may hold two runs, one of them quoted twice."""


def pack(settings: Settings) -> str:
    """Settings in one text, for a link that carries a second run; never empty."""
    joined = {name: ",".join(v) if isinstance(v, list) else v for name, v in parameters(settings).items()}
    return urlencode(joined) or DEFAULT


def unpack(packed: str) -> dict[str, str]:
    """Raw values by name from :func:`pack`'s text, to be validated with ``Settings.lenient``."""
    if packed == DEFAULT or len(packed) > MAX_PACKED:
        return {}
    return dict(parse_qsl(packed, keep_blank_values=True))


def pack_views(views: Iterable[tuple[str, View]]) -> str:
    """Where sliders stand, in one text: ``hero.step:19,block.bn_gamma:-1.5``."""
    return ",".join(f"{figure}.{slider}:{number(value)}" for figure, view in views for slider, value in view)


def unpack_views(packed: str) -> tuple[tuple[str, View], ...]:
    """What :func:`pack_views` gave, figure by figure; nothing at all where it is not of that form."""
    found: dict[str, list[tuple[str, float]]] = {}
    for part in packed[:MAX_PACKED].split(","):
        matched = _SLIDER.fullmatch(part)
        if matched is None:
            return ()
        found.setdefault(matched[1], []).append((matched[2], float(matched[3])))
    return tuple((figure, tuple(view)) for figure, view in found.items())


def shorten(query: str) -> str:
    """The query of a link, compressed (deflate, base64 for URLs without its padding)."""
    packed = zlib.compressobj(9, wbits=-zlib.MAX_WBITS, zdict=OFTEN)
    return urlsafe_b64encode(packed.compress(query.encode()) + packed.flush()).decode().rstrip("=")


def expand(short: str) -> str:
    """What :func:`shorten` was given. Raises ``ValueError`` for anything else."""
    try:
        given = urlsafe_b64decode(short + "=" * (-len(short) % 4))
        opened = zlib.decompressobj(wbits=-zlib.MAX_WBITS, zdict=OFTEN)
        query = opened.decompress(given, MAX_QUERY).decode()
    except zlib.error as error:  # those of base64 and of Unicode are ValueErrors themselves
        raise ValueError("no shortened link") from error
    if not opened.eof:
        raise ValueError("not the whole of a shortened link")
    return query
