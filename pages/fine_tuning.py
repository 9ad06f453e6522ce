"""Fine-tuning and frozen layers."""

from dlviz.ui.page.frame import Frame

frame = Frame("fine_tuning")
settings = frame.controls()
result = frame.run(settings)
frame.show(result)
