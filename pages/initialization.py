"""Initialization."""

from dlviz.ui.frame import Frame

frame = Frame("initialization")
settings = frame.controls()
result = frame.run(settings)
frame.show(result)
