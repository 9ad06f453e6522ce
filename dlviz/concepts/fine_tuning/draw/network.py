"""The network as blocks."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from dlviz.contract import Drawing, Run
from dlviz.drawing.charts.network import Block, stack
from dlviz.drawing.grammar.finish import finish, footnote
from dlviz.drawing.grammar.piece import Piece, Rows, listed
from dlviz.drawing.grammar.theme import Look, tr

from ..network import Blocks
from ..result import Result

HEIGHT = 440


def network(runs: Sequence[Run], look: Look) -> Any:
    """Layers as blocks, frozen ones shaded; a click on one freezes up to it."""
    result: Result = runs[0].result
    found, s = result.network, result.settings
    k, layers = s.frozen_layers, s.layers
    times = [f"{1000 * seconds:.2f} ms" for seconds in found.seconds]
    blocks = [Block(tr(look, "input"), "12 × 12", "input", ("", times[0]), 0)]
    for layer in range(layers - 1):
        frozen = layer < k
        state = tr(look, "frozen") if frozen else tr(look, "trained")
        values = {"layer": layer + 1, "units": found.units[layer]}
        name = tr(look, "{layer}: {units} units" if s.network == "MLP" else "{layer}: {units}", **values)
        numbers = (f"{found.parameters[layer]:,}", times[layer + 1])
        blocks.append(Block(name, state, "frozen" if frozen else "trained", numbers, layer + 1))
    head = tr(look, "{layer}: head, {classes} classes", layer=layers, classes=result.classes)
    blocks.append(Block(head, tr(look, "new"), "new", (f"{found.parameters[-1]:,}", "")))
    headers = (tr(look, "parameters"), tr(look, "a step, if frozen up to here"))
    note = "" if look.slide else tr(look, "Click a block to freeze all up to it.") + " "
    note += tr(
        look, "{trained} of {total} parameters are trained. Measured: a step of {models} networks at once.",
        trained=f"{found.trained(k):,}", total=f"{int(found.parameters.sum()):,}", models=found.models,
    )  # fmt: skip
    piece = stack(blocks, headers, look, bold=k) + Piece(tables={"blocks": partial(_table, blocks, headers, found)})
    return finish(piece, look, height=HEIGHT, title=footnote(note, look))


def _table(blocks: Sequence[Block], headers: tuple[str, str], found: Blocks) -> Rows:
    """What is written beside the blocks, as it was counted and measured, in seconds."""
    names, states = [block.name for block in blocks], [block.state for block in blocks]
    # There is nothing to train in the input, and nothing left to train where the head is frozen.
    numbers = {headers[0]: [None, *found.parameters.tolist()], f"{headers[1]} (s)": [*found.seconds.tolist(), None]}
    return listed({"name": names, "what": states, **numbers})


def numbers(result: Result, look: Look) -> dict[str, object]:
    """What is trained, and the time of a step at every frozen depth."""
    blocks, s = result.network, result.settings
    times = ", ".join(f"{1000 * seconds:.2f} ms" for seconds in blocks.seconds)
    found: dict[str, object] = {"layers": s.layers, "k": s.frozen_layers, "times": times}
    return found | {"trained": blocks.trained(s.frozen_layers), "total": int(blocks.parameters.sum())}


DRAWINGS = {"network": Drawing(network, numbers, HEIGHT)}
