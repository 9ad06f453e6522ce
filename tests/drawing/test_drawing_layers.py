"""Pictures of layers and grids: histograms, ridgelines, matrices, tables."""

import re

import numpy as np
import pytest
from pictures import LOOKS, check_schema, compiled

from dlviz.drawing.charts import matrix, table
from dlviz.drawing.curves import histogram, ridgeline
from dlviz.drawing.grammar.axes import Axis, frame, ticks
from dlviz.drawing.grammar.finish import finish

EDGES = np.linspace(-3, 3, 31)
NORMAL = np.random.default_rng(0).normal(size=(6, 4000)) * np.array([[2.0**-i] for i in range(6)])


def densities():
    return np.stack([histogram.density_of(row, EDGES) for row in NORMAL])


def ridge_picture(look, heights, texts=()):
    x, depth = Axis("Activation", -3, 3), ridgeline.depth_axis("Layer", len(heights), 2.0)
    piece = frame(x, depth, look) + ridgeline.ridges(
        EDGES, heights, x, depth, look, colours=("#0068a8", "#00835f"), texts=texts
    )
    return finish(piece + ridgeline.layer_slider(len(heights), "layer", 3), look, height=400, width=600)


def matrix_picture(look, values, **options):
    rows, columns = [f"row {i}" for i in range(len(values))], [f"column {i}" for i in range(values.shape[1])]
    given = {"bounds": (-1, 1), "colours": matrix.diverging(look), "title": "value"} | options
    return finish(matrix.matrix(values, rows, columns, look, **given), look, height=300, width=500)


def test_density_has_the_area_of_what_lies_within_the_bins():
    values = np.array([0.1, 0.2, 5.0, np.nan, np.inf])
    assert np.sum(histogram.density_of(values, EDGES) * np.diff(EDGES)) == pytest.approx(2 / 3)
    assert not histogram.density_of(np.array([np.nan]), EDGES).any()


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_all_are_valid_and_drawn(look):
    heights = densities()
    texts = [f"layer {i + 1}" for i in range(6)]
    x, y = Axis("x", -3, 3), Axis("Density", 1e-3, 20, log=True)
    hist = histogram.histograms([histogram.Histogram("ReLU", EDGES, heights[0])], x, y, look)
    values = np.array([[0.5, np.nan, -2.0], [0.0, 1e300, -np.inf]])
    marked = {"texts": np.full((2, 3), "+0.5"), "good": values == 0, "chosen": ("row 0", "column 1"), "click": True}
    pictures = [
        finish(frame(x, y, look) + hist, look, height=200, width=300),
        ridge_picture(look, heights / heights.max(), texts),
        matrix_picture(look, values, **marked),
        finish(table.table(["", "mean"], [["ReLU", "0.4"], ["Tanh", "0"]], look, emphasised=[(1, 1)]), look, width=300),
    ]
    for picture in pictures:
        spec = picture.to_dict()
        check_schema(spec)
        svg = compiled(spec)
        assert svg.count("<path") + svg.count("<text") > 5
        assert "NaN" not in svg


def test_a_ridge_stands_on_the_line_of_its_layer_and_the_first_is_on_top():
    heights = densities()
    records = ridge_picture(LOOKS["light"], heights).to_dict()["datasets"]["ridges"]
    for row in records:
        assert row["y"] <= row["layer"]
    depth = ridgeline.depth_axis("Layer", 6, 2.0)
    assert depth.share(1) > depth.share(6)
    assert depth.at(depth.share(4.5)) == pytest.approx(4.5)
    assert min(ticks(depth, 6)) >= 1


def test_the_words_beside_a_lit_ridge_are_sent_once_a_layer():
    texts = [f"layer {i + 1}" for i in range(6)]
    spec = ridge_picture(LOOKS["light"], densities(), texts).to_dict()
    assert spec["datasets"]["ridges lit"] == [{"layer": i + 1, "text": text} for i, text in enumerate(texts)]
    assert "text" not in spec["datasets"]["ridges"][0]
    svg = compiled(spec)
    assert "layer 3" in svg and "layer 2" not in svg  # the slider stands on 3


def test_a_layer_that_is_not_finite_is_left_out():
    heights = densities()
    heights[2, 4] = np.nan
    records = ridge_picture(LOOKS["light"], heights).to_dict()["datasets"]["ridges"]
    assert {row["layer"] for row in records} == {1, 2, 4, 5, 6}


def test_colours_of_cells_end_at_the_bounds_and_what_is_not_finite_is_grey():
    look = LOOKS["light"]
    picture = matrix_picture(look, np.array([[1.0, 7.0, -1.0, -7.0, np.nan]])).to_dict()
    fills = [row["fill"] for row in picture["datasets"]["cells"]]
    assert fills[0] == fills[1] != fills[2] == fills[3]
    assert fills[4] == look.inks.hole


def test_a_click_gives_row_and_column():
    picture = matrix_picture(LOOKS["light"], np.zeros((2, 2)), click=True).to_dict()
    (param,) = [param for layer in picture["layer"] for param in layer.get("params", ())]
    assert param["name"] == "start"
    assert param["select"]["fields"] == ["row", "column"]


def test_a_table_has_all_its_texts_and_its_columns_do_not_overlap():
    picture = table.table(["", "a long header", "b"], [["ReLU", "1", "2"], ["x", "3", "four"]], LOOKS["zh"])
    (records,) = picture.data.values()
    assert [row["text"] for row in records] == ["", "a long header", "b", "ReLU", "1", "2", "x", "3", "four"]
    for row in (records[i : i + 3] for i in (0, 3, 6)):
        assert [cell["x1"] for cell in row[1:]] == pytest.approx([cell["x2"] for cell in row[:-1]])
        assert row[-1]["x2"] == pytest.approx(1)


def test_a_table_s_texts_of_two_lines_have_rows_twice_as_high_and_columns_no_wider():
    look = LOOKS["light"]
    one = table.table(["", "0.5, 0.7"], [["a", "0.1, 0.2"]], look)
    two = table.table(["", "0.5\n0.7"], [["a", "0.1"]], look)
    (before,), (records,) = one.data.values(), two.data.values()
    head = [row for row in records if row["text"] in ("0.5", "0.7")]
    assert [row["line"] for row in head] == [-0.5, 0.5]
    assert len({(row["x"], row["y"]) for row in head}) == 1
    high = {row["head"]: row["y2"] - row["y1"] for row in records}
    assert high[True] > 1.5 * high[False]
    wide = [row["x2"] - row["x1"] for row in (before[1], head[0])]
    assert wide[1] < wide[0]
    svg = compiled(finish(two, look, width=300, height=200).to_dict())
    heights = [float(y) for y in re.findall(r'translate\([^,]+,([-\d.]+)\)"[^>]*>0\.[57]<', svg)]
    assert heights[1] - heights[0] == pytest.approx(1.25 * look.label, abs=0.5)
