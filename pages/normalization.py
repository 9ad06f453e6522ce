"""Normalization."""

from dlviz.ui.page.frame import Frame

frame = Frame("normalization")
settings = frame.controls()
result = frame.run(settings)
frame.show(result)
