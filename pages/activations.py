"""Activation functions."""

from dlviz.ui.page.frame import Frame

frame = Frame("activations")
settings = frame.controls(open_groups=3)
result = frame.run(settings)
frame.show(result)
