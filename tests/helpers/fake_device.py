"""An accelerator that is none: tensors that say they live on another device, over tensors of the CPU.

What a GPU would refuse is refused here too: an operation on tensors of two devices, ``numpy()`` without ``cpu()``, a
generator of the CPU for a tensor of the device and, where asked for, float64. The arithmetic is the CPU's, so an
experiment has to give the very numbers that it gives there. PyTorch's ``PrivateUse1`` backend, which is there for
devices that are written in Python, makes autograd work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils import backend_registration
from torch.utils._python_dispatch import TorchDispatchMode

NAME = "pretend"
# Moving is what these are for; and torch takes indices, and conditions as such, of the CPU for any tensor.
MOVES = ("_to_copy", "copy_", "set_")
INDEXING = ("index", "index_put", "index_put_", "_index_put_impl_")
_library: list[torch.library.Library] = []


def where() -> torch.device:
    """The device; made known to torch when first asked for, and known from then on."""
    if not _library:
        backend_registration._setup_privateuseone_for_python_backend(NAME)
        # torch.tensor(numbers, device=...) and lists as indices come to the device past all modes.
        _library.append(torch.library.Library("aten", "IMPL"))
        _library[0].impl("empty_strided", _empty_strided, "PrivateUse1")
        _library[0].impl("_copy_from", _copy_from, "PrivateUse1")
    return torch.device(NAME, 0)


def _empty_strided(size: Any, stride: Any, *, dtype: Any = None, **_other: Any) -> torch.Tensor:
    return Far(torch.empty_strided(size, stride, dtype=dtype))


def _copy_from(source: torch.Tensor, target: torch.Tensor, non_blocking: bool = False) -> torch.Tensor:
    source, near = (tensor.near if isinstance(tensor, Far) else tensor for tensor in (source, target))
    near.copy_(source)
    return target


class Far(torch.Tensor):
    """A tensor on the device; ``near`` is the CPU's that holds its numbers."""

    __module__ = "torch"  # as that of the tensors that it stands for

    @staticmethod
    def __new__(cls, near: torch.Tensor) -> Far:
        return torch.Tensor._make_wrapper_subclass(
            cls, near.shape, strides=near.stride(), storage_offset=near.storage_offset(), dtype=near.dtype,
            device=where(),
        )  # fmt: skip

    def __init__(self, near: torch.Tensor) -> None:
        self.near = near

    def tolist(self) -> list:
        """As a GPU's tensor gives it; torch has no such way for tensors of Python."""
        return self.near.tolist()

    @classmethod
    def __torch_dispatch__(cls, function: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        return _carry_out(function, args, kwargs or {}, double=True)


def _near(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.near if isinstance(tensor, Far) else tensor


def _changed(value: Any, change: Callable[[torch.Tensor], Any]) -> Any:
    """What an operation takes or gives, every tensor changed. torch's own way for trees takes far longer."""
    if isinstance(value, torch.Tensor):
        return change(value)
    if type(value) in (tuple, list):
        return type(value)([_changed(item, change) for item in value])
    if type(value) is dict:
        return {key: _changed(item, change) for key, item in value.items()}
    return value


def _carry_out(function: Any, args: tuple, kwargs: dict, *, double: bool) -> Any:
    name = function.overloadpacket.__name__
    tensors: list[torch.Tensor] = []
    near_args, near_kwargs = _changed((args, kwargs), lambda tensor: tensors.append(tensor) or _near(tensor))
    far = [tensor for tensor in tensors if isinstance(tensor, Far)]
    checked = tensors[:1] if name in INDEXING else tensors
    if far and name not in MOVES and any(not isinstance(tensor, Far) and tensor.dim() for tensor in checked):
        raise RuntimeError(f"Expected all tensors to be on the same device: {function} on {NAME} and on the CPU")
    asked = kwargs.get("device")
    there = bool(far) if asked is None else torch.device(asked).type == NAME
    if name == "copy_":
        there = isinstance(args[0], Far)
    if there and isinstance(kwargs.get("generator"), torch.Generator):
        raise RuntimeError(f"Expected a '{NAME}' device type for generator but found 'cpu'")
    if asked is not None:
        near_kwargs["device"] = torch.device("cpu")
    found = function(*near_args, **near_kwargs)
    if torch.Tag.inplace_view in function.tags:
        with torch._C._DisableTorchDispatch():
            function(*args, **kwargs)  # the wrapper's own shape
    if not there:
        return found
    known = {id(tensor.near): tensor for tensor in far}

    def wrapped(tensor: torch.Tensor) -> torch.Tensor:
        if not double and tensor.dtype == torch.float64:
            raise TypeError(f"Cannot convert a {NAME} Tensor to float64 dtype: {function}")
        return known.get(id(tensor)) if id(tensor) in known else Far(tensor)

    return _changed(found, wrapped)


class _Mode(TorchDispatchMode):
    def __init__(self, double: bool) -> None:
        super().__init__()
        self.double = double

    def __torch_dispatch__(self, function: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        return _carry_out(function, args, kwargs or {}, double=self.double)


@contextmanager
def computing(double: bool = True) -> Iterator[torch.device]:
    """Within it the device takes tensors; without ``double`` none of float64, as Apple's GPUs."""
    with _Mode(double):
        yield where()
