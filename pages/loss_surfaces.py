"""Loss surfaces and optimizers."""

from dlviz.ui.page.frame import Frame

frame = Frame("loss_surfaces")
settings = frame.controls(open_groups=3)  # the choice of panels, the surface and the optimizers
result = frame.run(settings)
frame.show(result)
