"""How far back a gradient reaches."""

from dlviz.ui.page.frame import Frame

frame = Frame("bptt")
settings = frame.controls()
result = frame.run(settings)
frame.show(result)
