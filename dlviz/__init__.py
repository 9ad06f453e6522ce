"""dlviz shows how deep learning works: tested experiments and the pictures they make.

The package has one direction: ``ui -> drawing``, ``figures -> drawing``, ``experiment -> engine``.
Importing ``dlviz`` itself imports none of them.
"""

__version__ = "0.1.0"
