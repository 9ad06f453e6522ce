"""The hero's numbers as a minimal script in plain PyTorch: cells unrolled, and autograd."""

from __future__ import annotations

from .networks import keys, network
from .result import Result

HEAD = """import torch
from torch import nn

torch.set_default_dtype(torch.float64)
n, T, key = {hidden}, {length}, {key}  # units, steps, and the first network on the page


def generator(part):
    return torch.Generator().manual_seed(10 * key + part)


def block(part):
    {block}

"""

BLOCKS = {
    "Identity": "return {radius} * torch.eye(n)",
    "Gaussian": """w = torch.randn(n, n, generator=generator(part))
    return w * ({radius} / torch.linalg.eigvals(w).abs().max())""",
    "Orthogonal": """q, r = torch.linalg.qr(torch.randn(n, n, generator=generator(part)))
    return {radius} * q * r.diagonal().sign()""",
}

DIGITS = """from sklearn.datasets import load_digits

pixels = torch.tensor(load_digits().data / 16)
chosen = torch.randint(len(pixels), (1,), generator=generator(6))
x = ((pixels[chosen] - pixels.mean()) / pixels.std(correction=0)).view(T, 1, {inputs})
y = torch.tensor(load_digits().target)[chosen]
"""
ADDING = """made = generator(6)
x = torch.zeros(T, 1, 2)
x[:, 0, 0] = torch.rand(1, T, generator=made)[0]
x[torch.randint(T // 2, (1,), generator=made), 0, 1] = 1
x[T // 2 + torch.randint(T - T // 2, (1,), generator=made), 0, 1] = 1
y = (x[..., 0] * x[..., 1]).sum(0)
"""
COPY = """y = torch.randint(8, (1,), generator=generator(6))
x = nn.functional.one_hot(torch.cat([y, torch.full((T - 1,), 8)]), 9).double()[:, None]
"""
NOISE = """x = torch.randn(1, T, 1, generator=generator(6)).transpose(0, 1)
"""
SEQUENCES = {
    "Digit by pixels": DIGITS.format(inputs=1),
    "Digit by rows": DIGITS.format(inputs=8),
    "Adding": ADDING,
    "Copy": COPY,
    "Noise": NOISE,
}
READOUTS = {
    "cross-entropy": "readout = torch.randn({outputs}, n, generator=generator(5)) / n**0.5",
    "squared": "readout = torch.randn(1, n, generator=generator(5))\nreadout /= readout.norm()",
    "output": "readout = torch.randn(1, n, generator=generator(5))\nreadout /= readout.norm()",
}
LOSSES = {
    "cross-entropy": "nn.functional.cross_entropy(h @ readout.T, y)",
    "squared": "((h @ readout.T)[0, 0] - y[0]) ** 2",
    "output": "(h @ readout.T)[0, 0]",
}
CELLS = {
    "RNN tanh": 'nn.RNNCell(m, n, nonlinearity="tanh")',
    "RNN ReLU": 'nn.RNNCell(m, n, nonlinearity="relu")',
    "LSTM": "nn.LSTMCell(m, n)",
    "GRU": "nn.GRUCell(m, n)",
}

TAIL = """
m = x.shape[-1]
{readout}
cells = {{
{cells}
}}
for name, cell in cells.items():
    bias = {{"LSTM": {forget_bias}, "GRU": {update_bias}}}.get(name, 0.0)
    blocks = len(cell.weight_hh) // n
    with torch.no_grad():
        cell.weight_hh.copy_(torch.cat([block(part) for part in range(blocks)]))
        cell.weight_ih.copy_(torch.randn(blocks * n, m, generator=generator(4)) * {input_gain} / m**0.5)
        cell.bias_hh.zero_()
        cell.bias_ih.zero_()
        cell.bias_ih[n : 2 * n] = bias  # the forget gate, or the update gate
    state, states = [torch.zeros(1, n) for _ in range(2 if name == "LSTM" else 1)], []
    for t in range(T):
        out = cell(x[t], tuple(state) if name == "LSTM" else state[0])
        # Copies: their gradients are those by what is handed on to the next step, (h, c) of an LSTM.
        state = [part.clone() for part in (out if name == "LSTM" else (out,))]
        for part in state:
            part.retain_grad()
        states.append(state)
    h = state[0]
    loss = {loss}
    loss.backward()
    norms = []
    for state in reversed(states):  # lag 0, 1, ...
        parts = [part.grad for part in state if part.grad is not None]
        norms.append(torch.linalg.vector_norm(torch.cat(parts)).item())
    print(f"{{name}}: {{loss.item():.12g}} |", *(f"{{norm:.12g}}" for norm in norms))
"""


def code(result: Result) -> str:
    """A script that prints the loss of the first network of each cell, and ‖∂L/∂h_t‖ from lag 0 on."""
    from dlviz.engine.data.sequences import KINDS

    s = result.settings
    kind = KINDS[s.data]
    of = network(s, s.cell)
    chosen = "\n".join(f'    "{cell}": {CELLS[cell]},' for cell in s.cells)
    head = HEAD.format(
        hidden=s.hidden,
        length=of.length,
        key=keys(s.seed, 1)[0],
        block=BLOCKS[s.matrix].format(radius=s.radius),
    )
    tail = TAIL.format(
        readout=READOUTS[kind.loss].format(outputs=kind.outputs),
        cells=chosen,
        forget_bias=s.forget_bias,
        update_bias=s.update_bias,
        input_gain=s.input_gain,
        loss=LOSSES[kind.loss],
    )
    return head + SEQUENCES[s.data] + tail
