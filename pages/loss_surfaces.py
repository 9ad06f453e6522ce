"""Loss surfaces and optimizers."""

from dlviz.ui.page.frame import Frame

frame = Frame("loss_surfaces")
settings = frame.controls()
result = frame.run(settings)
frame.show(result)
