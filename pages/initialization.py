"""Initialization."""

from dlviz.ui.page.frame import Frame

frame = Frame("initialization")
settings = frame.controls()
result = frame.run(settings)
frame.show(result)
