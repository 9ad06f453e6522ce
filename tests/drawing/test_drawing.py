"""The picture grammar as a whole: figures are valid and drawn, colours differ, and nothing to draw is said."""

from __future__ import annotations

import itertools
import math

import altair as alt
import numpy as np
import pytest
from pictures import (
    FIGURES,
    LOOKS,
    MINIMA,
    PLANE,
    RUNS,
    basin_figure,
    check_schema,
    compiled,
    descent,
    grid,
    hero,
    himmelblau,
    pixels,
    texts,
)

from dlviz.drawing.curves import lines
from dlviz.drawing.grammar import palette
from dlviz.drawing.grammar.axes import Axis, frame, span
from dlviz.drawing.grammar.finish import Figure, finish, message
from dlviz.drawing.grammar.piece import Piece, mark, number, rows
from dlviz.drawing.grammar.theme import AREA, INKS, Look
from dlviz.drawing.surfaces import cube, heat, relief

# ---- figures as a whole


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
@pytest.mark.parametrize("figure", FIGURES.values(), ids=FIGURES)
def test_every_figure_is_valid_and_drawn(figure, look):
    spec = figure(look, RUNS).to_dict()
    check_schema(spec)
    svg = compiled(spec)
    assert "NaN" not in svg
    if look.slide:
        width, height = AREA
        assert f'width="{width}"' in svg and f'height="{height}"' in svg


@pytest.mark.parametrize("figure", FIGURES.values(), ids=FIGURES)
def test_new_rows_leave_the_spec_alone(figure):
    """What the browser keeps its sliders by: another run of the same optimizers differs in its rows only."""
    one, other = (
        figure(Look(), [descent(rate=rate), descent("Momentum", 0.04)]).to_dict() for rate in (0.0100, 0.0101)
    )
    assert one["datasets"] != other["datasets"] or figure is basin_figure
    for spec in (one, other):
        del spec["datasets"]
    assert one == other


@pytest.mark.parametrize("figure", FIGURES.values(), ids=FIGURES)
def test_rows_are_plain_json(figure):
    for table in figure(Look(), RUNS).to_dict()["datasets"].values():
        for row in table:
            assert all(type(value) in (str, int, float, bool, type(None)) for value in row.values()), row
            assert all(math.isfinite(value) for value in row.values() if isinstance(value, float)), row


def test_a_figure_is_an_altair_chart():
    figure = hero(Look(), RUNS)
    assert isinstance(figure, alt.LayerChart)
    assert figure.datasets["paths"] == figure.to_dict()["datasets"]["paths"]
    assert figure.copy().to_dict() == figure.to_dict()
    assert isinstance(figure.properties(width=500), Figure)
    assert figure.properties(width=500).to_dict()["width"] == 500


def test_pieces_refuse_to_mix_up_their_rows():
    first, second = Piece(data={"paths": [{"x": 1}]}), Piece(data={"paths": [{"x": 2}]})
    with pytest.raises(ValueError, match="'paths'"):
        first + second
    assert (first + first).data == first.data


def test_layers_written_in_altair_join_in():
    chart = alt.Chart(alt.NamedData("own")).mark_point().encode(alt.X("x:Q"), alt.Y("y:Q"))
    piece = frame(PLANE.x, PLANE.y, Look()) + Piece.of(chart, {"own": [{"x": 1.0, "y": 2.0}]})
    spec = finish(piece, Look()).to_dict()
    assert spec["layer"][-1]["mark"] == {"type": "point"} and spec["datasets"]["own"]
    assert compiled(spec).count('aria-roledescription="point"') == 1


# ---- colours


def cvd(kind):
    """Machado, Oliveira and Fernandes (2009), severity 1, on linear RGB."""
    return {
        "normal": np.eye(3),
        "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.052]],
        "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.96888]],
        "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
    }[kind]  # fmt: skip


def linear(colour):
    values = palette.rgb(colour)
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def seen(colour, kind):
    values = np.clip(np.asarray(cvd(kind)) @ linear(colour), 0, 1)
    return palette.oklab(np.where(values <= 0.0031308, 12.92 * values, 1.055 * values ** (1 / 2.4) - 0.055))


@pytest.mark.parametrize("theme", INKS)
@pytest.mark.parametrize("kind", ["normal", "protanopia", "deuteranopia", "tritanopia"])
def test_identities_of_a_family_with_one_dash_differ_in_colour_for_everyone(theme, kind):
    pairs = [pair for family in palette.FAMILIES.values() for pair in itertools.combinations(family.values(), 2)]
    for one, other in pairs:
        if one.dash == other.dash:
            apart = np.linalg.norm(seen(getattr(one, theme), kind) - seen(getattr(other, theme), kind))
            assert apart > 0.12, (one.name, other.name, apart)


@pytest.mark.parametrize("theme", INKS)
def test_every_identity_stands_out_from_the_paper(theme):
    def luminance(colour):
        return float(linear(colour) @ [0.2126, 0.7152, 0.0722])

    paper = luminance(INKS[theme].paper)
    inks = [getattr(identity, theme) for identity in palette.IDENTITIES.values()]
    for colour in [*inks, INKS[theme].ink, INKS[theme].muted, INKS[theme].warn]:
        high, low = max(luminance(colour), paper), min(luminance(colour), paper)
        assert (high + 0.05) / (low + 0.05) >= 3, colour


def test_twelve_optimizers_have_an_identity():
    assert len(palette.OPTIMIZERS) == 12
    assert len(palette.IDENTITIES) == sum(map(len, palette.FAMILIES.values())) + len(palette.QUANTITIES)
    for theme in INKS:
        assert len({getattr(identity, theme) for identity in palette.OPTIMIZERS.values()}) == 12


def test_oklab_there_and_back():
    values = np.random.default_rng(0).random((50, 3))
    np.testing.assert_allclose(palette.from_oklab(palette.oklab(values)), values, atol=1e-6)
    assert palette.mix("#000000", "#ffffff", 0.0) == "#000000"


def test_neighbouring_minima_differ_in_colour():
    places = np.array([[x, y] for x in range(6) for y in range(6)], dtype=float)
    colours = heat.area_colours(places)
    for i, j in itertools.combinations(range(len(places)), 2):
        if np.hypot(*(places[i] - places[j])) <= 1:
            assert colours[i] != colours[j]


# ---- nothing to draw


EMPTY = {
    "no finite value": (np.full((9, 9), np.nan), "not finite anywhere"),
    "infinite": (np.full((9, 9), np.inf), "not finite anywhere"),
    "constant": (np.ones((9, 9)), "constant"),
}


@pytest.mark.parametrize(("z", "said"), EMPTY.values(), ids=EMPTY)
def test_a_surface_without_shape_says_so(z, said):
    spec = hero(Look(), RUNS, z=z).to_dict()
    assert said in texts(spec)
    assert said in compiled(spec)
    turned = finish(cube.cube(z, PLANE, Look()), Look()).to_dict()
    assert said == "constant" or said in texts(turned)
    compiled(turned)


@pytest.mark.filterwarnings("error::RuntimeWarning:dlviz")
@pytest.mark.parametrize("scale", [1e-310, 1e-200, 1e200, 1e306])
def test_extreme_heights_are_drawn(scale):
    z = scale * grid(lambda x, y: x**2 + y**2) / 72
    assert "NaN" not in compiled(hero(Look(), RUNS, z=z).to_dict())
    assert "NaN" not in compiled(finish(cube.cube(z, PLANE, Look()), Look()).to_dict())


def test_holes_in_a_surface_are_grey():
    z = grid(himmelblau)
    z[10:20, 10:20] = np.nan
    image = pixels(relief.relief(z, Look()))
    np.testing.assert_array_equal(image[::-1][15, 15], np.round(255 * palette.rgb(INKS["light"].hole)))
    assert "NaN" not in compiled(hero(Look(), RUNS, z=z).to_dict())


@pytest.mark.parametrize("values", [np.full(5, np.nan), np.full(5, np.inf), np.zeros(5), np.full(5, -1.0), np.empty(0)])
def test_curves_without_values_say_so(values):
    look, x = Look(), Axis("step", 0, 5)
    y = Axis("loss", *span(values, log=True), log=True)
    line = lines.Line("GD", np.arange(float(len(values))), values)
    spec = finish(frame(x, y, look) + lines.measured([line], x, y, look), look).to_dict()
    assert "no finite values" in compiled(spec) or (values == 0).any()
    assert "NaN" not in compiled(spec)


def test_basins_without_arrivals_are_drawn():
    nothing = np.full((4, 4), -1)
    spec = finish(
        frame(PLANE.x, PLANE.y, Look()) + heat.basins(nothing, nothing, nothing, PLANE, Look(), MINIMA), Look()
    )
    assert "arrived nowhere" in compiled(spec.to_dict())


def test_a_message_is_a_figure():
    figure = message("Nothing was computed yet.", Look())
    assert "Nothing was computed yet." in compiled(figure.to_dict())
    assert figure.to_dict()["description"] == "Nothing was computed yet."


# ---- small things


def test_rows_take_columns_and_single_values():
    assert rows(name="GD", x=np.array([1.0, np.nan]), step=[1, 2]) == [
        {"name": "GD", "x": 1.0, "step": 1},
        {"name": "GD", "x": None, "step": 2},
    ]
    with pytest.raises(ValueError, match="argument"):
        rows(x=[1, 2], y=[1, 2, 3])


def test_look_names_what_is_allowed():
    with pytest.raises(ValueError, match="allowed: light, dark"):
        Look(theme="sepia")
    with pytest.raises(ValueError, match="allowed: en, zh"):
        Look(language="fr")


def test_slides_read_from_the_back_row():
    look = Look(slide=True)
    assert min(look.label, look.small) >= 20 and look.line >= 3


def test_what_gives_no_hint_is_not_read_out():
    assert mark("line", "own", {"x": number("x")}, tooltip=None)["mark"]["aria"] is False
    assert "aria" not in mark("line", "own", {"x": number("x")})["mark"]
