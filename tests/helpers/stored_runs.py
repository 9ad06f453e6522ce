"""Runs of every concept written down number by number: ``python tests/helpers/stored_runs.py OUT.npz``.

Every concept of the catalogue with its default settings, and with the small ones of its ``cases.py``, so that whatever
trains or goes to a GPU is run, though shortly. A program of its own, because the number of threads, the device and what
torch prepares for it are chosen once a process.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(path) for path in (ROOT, ROOT / "tests", ROOT / "tests" / "helpers")]

from cases import cases  # noqa: E402

from dlviz import catalog, hardware  # noqa: E402
from dlviz.engine.runtime import device  # noqa: E402

CLOCK = tuple(f"{stem}/{name}" for stem in catalog.concepts() for name in cases(stem).clock)
"""What a clock measures."""
BY_LIMIT = tuple(f"{stem}/{name}" for stem in catalog.concepts() for name in cases(stem).by_limit)
"""What a GPU has on another grid."""


def shorten() -> None:
    """The trainings whose length is no setting, cut to a few steps."""
    for stem in catalog.concepts():
        cases(stem).shorten()


def arrays(value: Any, at: str = "") -> Iterator[tuple[str, np.ndarray]]:
    """Every number of a result by its path."""
    if isinstance(value, np.ndarray) and value.dtype.kind in "fiub":
        yield at, value
    elif isinstance(value, bool | int | float):
        yield at, np.asarray(value)
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            if field.name not in ("settings", "computed"):
                yield from arrays(getattr(value, field.name), f"{at}.{field.name}")
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from arrays(item, f"{at}.{key}")
    elif isinstance(value, list | tuple):
        for i, item in enumerate(value):
            yield from arrays(item, f"{at}.{i}")


def forget() -> None:
    """Empty every cache of the package, so that a run is computed again."""
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == "dlviz":
            for value in vars(module).values():
                for empty in ("forget", "cache_clear"):
                    if callable(getattr(value, empty, None)):
                        getattr(value, empty)()


def run(stems: list[str], only_small: bool = False) -> dict[str, np.ndarray]:
    """The numbers of all runs, by "stem/run.field"; under "stem/run computed" the device's name."""
    shorten()
    found: dict[str, np.ndarray] = {}
    for stem in stems or catalog.concepts():
        experiment = catalog.concepts()[stem].experiment
        runs = dict(cases(stem).small)
        if not (only_small and runs):
            runs = {"default": {}} | runs
        for name, changed in runs.items():
            settings, wrong = experiment.Settings.lenient(changed)
            assert not wrong, wrong
            result = experiment.run(settings)
            found |= {f"{stem}/{name}{at}": values for at, values in arrays(result)}
            found[f"{stem}/{name} computed"] = np.array(result.computed.device)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("stems", nargs="*")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--small", action="store_true", help="No default settings where there are small ones.")
    parser.add_argument("--again", action="store_true", help="Run the small ones once more, and compare.")
    parser.add_argument("--pretend", choices=("double", "single"), help="On a device that is none: fake_device.py.")
    given = parser.parse_args()
    import torch

    torch.set_num_threads(given.threads)
    computing = nullcontext()
    if given.pretend:
        import fake_device

        hardware.chosen = fake_device.where
        device._lacks_double = lambda where: given.pretend == "single" and where.type == fake_device.NAME
        computing = fake_device.computing(double=given.pretend == "double")
    with computing:
        found = run(given.stems, given.small)
    np.savez(given.out, **found)
    if given.again:
        forget()
        for name, values in run(given.stems, only_small=True).items():
            if values.dtype.kind != "U" and not name.startswith(CLOCK) and values.tobytes() != found[name].tobytes():
                sys.stdout.write(f"{name}\n")
    if given.pretend:
        # While the interpreter ends, autograd's thread of a device of Python may ask for the GIL: that aborts it.
        sys.stdout.flush()
        os._exit(0)


if __name__ == "__main__":
    main()
