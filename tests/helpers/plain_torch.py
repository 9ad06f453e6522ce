"""Stacked networks of the engine as torch's own modules, to be compared with them."""

from torch import nn


def module(networks, m):
    """One MLP as torch's own modules."""
    parts = []
    for w, b in zip(networks.weights, networks.biases, strict=True):
        linear = nn.Linear(w.shape[2], w.shape[1], dtype=w.dtype)
        linear.load_state_dict({"weight": w[m], "bias": b[m]})
        parts += [linear, nn.ReLU()]
    return nn.Sequential(*parts[:-1])


def layers_of(net):
    return [part for part in net if isinstance(part, nn.Linear)]
