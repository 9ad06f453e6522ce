"""Readouts and sentences that are true of the very run shown."""

from __future__ import annotations

import numpy as np

from dlviz.contract import Note, Readout
from dlviz.numbers import latex, percent, signed

from .measure import Result, Training


def readouts(result: Result) -> list[Readout]:
    """A few numbers of the chosen panels, measured beside theory."""
    block = result.block
    found = [Readout("Value of the cell x", signed(float(block.x[block.cell])))]
    if (batches := result.batches) is not None:
        at = list(batches.sizes).index(32)
        found.append(
            Readout(
                "Spread of the mean at N = 32, in σ",
                f"{batches.mean_spread[at]:.4f}",
                f"{batches.mean_theory()[at]:.4f}",
            )
        )
        found.append(
            Readout("Train–evaluation gap at N = 32", f"{batches.gap[at]:.3f}", f"{batches.gap_theory()[at]:.3f}")
        )
    if (runs := result.training) is not None and "BatchNorm" in runs.norms:
        found.append(Readout("BatchNorm's error at N = 2", percent(runs.median("BatchNorm", 2))))
        found.append(Readout("BatchNorm's error at N = 128", percent(runs.median("BatchNorm", 128))))
    if (
        (deep := result.depth) is not None
        and "BatchNorm" in deep.norms
        and (growth := deep.growth("BatchNorm")) is not None
    ):
        theory = deep.factors.get("BatchNorm")
        found.append(Readout("BatchNorm: gradient growth per layer", f"{growth:.3f}", theory and f"{theory:.3f}"))
    if (padding := result.padding) is not None:
        found.append(Readout("Padding moves BatchNorm's x̂ by", f"{padding.shift['BatchNorm'][0]:.3f}"))
        found.append(Readout("Padding moves LayerNorm's x̂ by", f"{padding.shift['LayerNorm'][0]:.3f}"))
    if (style := result.style) is not None:
        found.append(Readout("Largest difference of the two x̂", f"{style.difference:.4f}"))
    if len(found) < 3:
        for label, norm in (("Cells in BatchNorm's set", "BatchNorm"), ("Cells in LayerNorm's set", "LayerNorm")):
            found.append(Readout(label, str(int(block.shared(norm).sum()))))
    return found[:4]


def notice(result: Result) -> list[Note]:
    """What to notice, by key, with the numbers."""
    return [
        *_cells(result),
        *_padding(result),
        *_batches(result),
        *_training(result),
        *_depth(result),
        *_style(result),
    ]


def _cells(result: Result) -> list[Note]:
    block, settings = result.block, result.settings
    examples, channels, positions = block.x.shape
    if not settings.norms:
        return []
    counts = {norm: int(block.shared(norm).sum()) for norm in settings.norms if norm != "None"}
    n, c, p = block.cell
    notes = []
    if counts:
        listed = ", ".join(f"{norm} {count}" for norm, count in counts.items())
        notes.append(Note("counts", {"n": n, "c": c, "p": p, "counts": listed}))
    alone = [norm for norm, count in counts.items() if count == 1 and norm != "RMSNorm"]
    if alone:
        notes.append(Note("alone", {"norms": ", ".join(alone)}))
    if "BatchNorm" in alone:
        notes.append(Note("refused"))
    if examples == 1 and positions > 1 and {"BatchNorm", "InstanceNorm"} <= set(counts):
        notes.append(Note("one_example"))
    if "GroupNorm" in counts and block.groups == 1 and not block.token:
        notes.append(Note("one_group"))
    elif "GroupNorm" in counts and block.groups == channels:
        notes.append(Note("all_groups", {"groups": block.groups}))
    if settings.groups != block.groups and "GroupNorm" in counts:
        notes.append(Note("divisor", {"asked": settings.groups, "groups": block.groups, "channels": channels}))
    if "RMSNorm" in counts:
        notes.append(Note("rms"))
    if "Switchable" in counts:
        notes.append(Note("thirds"))
    return notes


def _padding(result: Result) -> list[Note]:
    block, notes = result.block, []
    share = 1 - float(block.real.mean())
    if share > 0:
        notes.append(Note("padding", {"share": share}))
    n, _, p = block.cell
    if not block.real[n, p]:
        notes.append(Note("padded_cell", {"n": n, "p": p}))
    if result.padding is not None and share > 0:
        shift = {norm: values[0] for norm, values in result.padding.shift.items()}
        moved = ", ".join(f"{norm} {value:.3f}" for norm, value in shift.items() if value >= 5e-4)
        still = ", ".join(norm for norm, value in shift.items() if value < 1e-12)
        if moved and still:
            notes.append(Note("moved", {"moved": moved, "still": still}))
    return notes


def _batches(result: Result) -> list[Note]:
    found = result.batches
    if found is None:
        return []
    off = float(np.abs(found.mean_spread / found.mean_theory() - 1).max())
    return [
        Note("spread", {"count": found.count, "off": off, "deviation": found.deviation}),
        Note("gap", {"two": found.gap[0], "size": int(found.sizes[-1]), "last": found.gap[-1], "one": found.one_gap}),
    ]


def _training(result: Result) -> list[Note]:
    runs = result.training
    if runs is None:
        return []
    notes = []
    if len(runs.norms) > 1:
        for size in (2, 128):
            medians = {norm: runs.median(norm, size) for norm in runs.norms}
            low, high = min(medians.values()), max(medians.values())
            if high > low:
                best, worst = (", ".join(norm for norm in medians if medians[norm] == end) for end in (low, high))
                values = {"size": size, "best": best, "low": low, "worst": worst, "high": high}
                notes.append(Note("best", values))
    if "BatchNorm" in runs.norms:
        two, sixteen = runs.median("BatchNorm", 2), runs.median("BatchNorm", 16)
        if two > 2 * sixteen:
            side = int(result.settings.last_side)
            notes.append(Note("too_few", {"two": two, "sixteen": sixteen, "values": 2 * side**2, "side": side}))
    steps = [result.settings.epochs * (runs.examples // size) for size in (2, 128)]
    notes.append(Note("updates", {"most": steps[0], "least": steps[1]}))
    if runs.diverged.any():
        notes.append(Note("diverged", {"count": int(runs.diverged.sum()), "total": runs.diverged.size}))
    if "Switchable" in runs.norms and np.isfinite(runs.mixing).all():
        notes.append(_switched(runs))
    return notes


def _switched(runs: Training) -> Note:
    """Switchable's weights of the batch's mean and variance at the smallest and at the largest batch size."""
    batch = runs.mixing[..., 2].mean(axis=(1, 2))  # (B, 2)
    small, large = batch[0], batch[-1]
    return Note("switched", {"small": small[0], "large": large[0], "small_var": small[1], "large_var": large[1]})


def _depth(result: Result) -> list[Note]:
    found = result.depth
    if found is None:
        return []
    notes = []
    for norm in found.norms:
        growth, theory = found.growth(norm), found.factors.get(norm)
        if growth is not None and theory is not None:
            notes.append(Note("growth", {"norm": norm, "growth": growth, "theory": theory}))
        elif growth is not None:
            notes.append(Note("growth_only", {"norm": norm, "growth": growth}))
    return notes


def _style(result: Result) -> list[Note]:
    found = result.style
    if found is None:
        return []
    notes = [Note("same_picture", {"difference": found.difference, "contrast": result.settings.contrast})]
    cut = {"copy": found.copy.clipped, "hat": found.photo_hat.clipped, "swapped": found.swapped.clipped}
    if max(cut.values()) > 0:
        notes.append(Note("clipped", {name: percent(share) for name, share in cut.items()}))
    return notes


def facts(result: Result) -> list[Note]:
    """Which tensor is on the screen."""
    block, settings = result.block, result.settings
    examples, channels, positions = block.x.shape
    values = {"n": examples, "c": channels, "p": positions, "seed": settings.seed}
    if block.kind == "Feature maps":
        key = "maps" if settings.source == "Digits" else "patches"
        return [Note(key, values | {"side": settings.side}), *_formula(result)]
    return [Note("features" if block.kind == "MLP" else "sequences", values), *_formula(result)]


def _formula(result: Result) -> list[Note]:
    """The chosen cell's own arithmetic under the first of the norms that subtracts and divides."""
    x, found = result.block.values
    settings = result.settings
    for norm in settings.norms:
        if norm not in ("None", "RMSNorm"):
            mean, var, x_hat = found[norm]
            y = settings.gamma * x_hat + settings.beta
            numbers = {"x": x, "mean": mean, "var": var, "x_hat": x_hat, "y": y}
            given = {"gamma": settings.gamma, "beta": settings.beta}
            return [Note("arithmetic", {"norm": norm} | {name: latex(n) for name, n in (numbers | given).items()})]
    return []
