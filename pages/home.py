"""The front page: what this is, and every concept as a card."""

from dlviz.ui import home

home.show()
