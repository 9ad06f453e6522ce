"""Training of many small networks at once: one loop, one set of updates, losses and models.

The modules stand by subject: :mod:`fit <dlviz.engine.networks.fit>` is the loop, ``losses``, ``updates``, ``clipping``,
``batches``, ``recording`` and ``scores`` are what it is made of, and ``mlp``, ``cnn``, ``rnn`` and ``transfer`` the
models.
"""
