"""The front page: what this is, and every concept as a card."""

from dlviz.ui.page import home

home.show()
