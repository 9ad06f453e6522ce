"""The device: how it is chosen, what opens up with a GPU, and what happens when its memory is too small.

No GPU is needed: what one would say is said for it. That the experiments run on a device at all is tested in
``test_determinism.py``, on one that is none; that they agree with a real one in ``test_parity.py``.
"""

import json
import subprocess
import sys
from dataclasses import dataclass, replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from conftest import ROOT
from streamlit.testing.v1 import AppTest

from dlviz import catalog, contract, hardware, provenance
from dlviz.contract import Computed, knob
from dlviz.engine.runtime import device
from dlviz.engine.runtime.cache import cached
from dlviz.engine.signals import propagation
from dlviz.progress import silent
from dlviz.ui.session import compute


@dataclass(frozen=True)
class Found(contract.Result):
    """What a run of this file gives."""

    pieces: tuple[int, ...]


class Gpu:
    """Says that there is a GPU, whose memory holds pieces of a certain size."""

    def __init__(self, monkeypatch, holds=10**9):
        self.holds, self.asked = holds, []
        monkeypatch.setattr(hardware, "chosen", lambda: SimpleNamespace(type="cuda"))
        monkeypatch.setattr(device, "in_words", lambda where: "A GPU" if where.type == "cuda" else "CPU")

    def run(self, size=64, in_pieces=True):
        @device.with_fallback
        def run(settings, progress=silent):
            where = device.device()
            piece = device.chunk_size(size) if in_pieces else size
            self.asked.append((where.type, piece))
            if where.type == "cuda" and piece > self.holds:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
            return Found((piece,))

        return run(None)


def test_a_result_says_where_it_was_computed(monkeypatch):
    assert Gpu(monkeypatch).run() == Found((64,), computed=Computed("A GPU"))
    for concept in catalog.concepts().values():
        assert issubclass(concept.experiment.Result, contract.Result)
    monkeypatch.undo()
    experiment = catalog.concepts()["loss_surfaces"].experiment
    assert experiment.run(experiment.Settings()).computed == Computed("CPU")


def test_out_of_memory_halves_the_pieces_until_they_fit(monkeypatch):
    gpu = Gpu(monkeypatch, holds=20)
    found = gpu.run()
    assert gpu.asked == [("cuda", 64), ("cuda", 32), ("cuda", 16)]
    assert found == Found((16,), computed=Computed("A GPU", "pieces"))
    # Only this run was cut.
    gpu.asked.clear()
    assert gpu.run(size=20).computed == Computed("A GPU")
    assert gpu.asked == [("cuda", 20)]


def test_what_never_fits_goes_to_the_cpu(monkeypatch):
    gpu = Gpu(monkeypatch, holds=0)
    found = gpu.run()
    assert [where for where, _ in gpu.asked] == ["cuda"] * 5 + ["cpu"]
    assert [piece for _, piece in gpu.asked] == [64, 32, 16, 8, 4, 64]
    assert found == Found((64,), computed=Computed("CPU", "cpu"))
    # What does not go in pieces is not tried again on the GPU.
    gpu.asked.clear()
    gpu.run(in_pieces=False)
    assert [where for where, _ in gpu.asked] == ["cuda", "cpu"]


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory"),
        RuntimeError("singular matrix"),
    ],
)
def test_other_errors_pass_through_at_once(monkeypatch, error):
    Gpu(monkeypatch)
    calls = []

    @device.with_fallback
    def run(settings, progress=silent):
        calls.append(device.device().type)
        raise error

    with pytest.raises(type(error)):
        run(None)
    assert calls == ["cuda"]


def test_apples_out_of_memory_is_one_too():
    assert device.gpu_is_full(RuntimeError("MPS backend out of memory (MPS allocated: 8.00 GB)"))
    assert device.gpu_is_full(torch.cuda.OutOfMemoryError("CUDA out of memory"))
    assert not device.gpu_is_full(RuntimeError("out of patience"))


@pytest.mark.parametrize(
    ("holds", "computed", "where"),
    [(40, Computed("A GPU", "pieces"), ["cuda"]), (0, Computed("CPU", "cpu"), ["cuda", "cpu"])],
)
def test_what_is_kept_remembers_its_device_and_is_computed_once_on_each(monkeypatch, holds, computed, where):
    gpu, calls = Gpu(monkeypatch, holds), []

    @cached(4)
    def part(*, progress=silent):
        calls.append(device.device().type)
        return np.zeros(3)

    @device.with_fallback
    def run(settings, progress=silent):
        part(progress=progress)
        if device.device().type == "cuda" and device.chunk_size(64) > gpu.holds:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return Found(())

    assert [run(None).computed, run(None).computed] == [computed, computed]
    assert calls == where


def test_a_real_run_gets_by_with_little_memory_and_gives_the_same_numbers(monkeypatch):
    """The engine's own pieces: a stack of variants that is too large for the memory goes through in parts."""
    from dlviz.concepts.initialization import signals

    experiment = catalog.concepts()["initialization"].experiment
    settings = experiment.Settings(panels=("Grid",), depth=3, width=16, repeats=4)
    whole = experiment.run(settings)
    _forget()
    most, seen = 30, []
    Gpu(monkeypatch)
    through = propagation._Stack.through

    def little(self, x, targets):
        seen.append(self.loss.numel())
        if self.loss.numel() > most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        yield from through(self, x, targets)

    monkeypatch.setattr(propagation._Stack, "through", little)
    for module in (propagation, signals):
        # Asked as ever, but computed where there is something to compute on.
        monkeypatch.setattr(module, "device", lambda double=False: (device.device(double), torch.device("cpu"))[1])
    found = experiment.run(settings)
    _forget()
    assert found.computed.fallback == "pieces"
    assert max(seen) > most and seen[-1] <= most
    np.testing.assert_allclose(found.grid.forward, whole.grid.forward, rtol=1e-9)
    np.testing.assert_allclose(found.signals.std, whole.signals.std, rtol=1e-12)


def _forget():
    from dlviz.concepts.initialization import grid, signals

    grid._grid.forget()
    signals._propagated.forget()


# -- limits -------------------------------------------------------------------------------------------------


class Sized(contract.Settings):
    """A number that may be larger where a GPU is."""

    size: int = knob(64, "Size", ge=8, le=256, gpu_le=4096, ticks=(8, 64, 256, 1024, 4096))


def test_larger_limits_open_with_a_gpu(monkeypatch):
    monkeypatch.setattr(hardware, "accelerated", lambda: False)
    assert Sized.bounds("size") == (8, 256)
    assert Sized.ticks("size") == (8, 64, 256)
    taken, rejected = Sized.lenient({"size": "4096"})
    assert taken == Sized()
    assert [(item.given, item.allowed) for item in rejected] == [
        ("4096", "a whole number from 8 to 256 (up to 4096 where a GPU is)")
    ]
    assert Sized.lenient({"size": "5000"})[0] == Sized()
    monkeypatch.setattr(hardware, "accelerated", lambda: True)
    assert Sized.bounds("size") == (8, 4096)
    assert Sized.ticks("size") == (8, 64, 256, 1024, 4096)
    assert Sized.lenient({"size": "4096"}) == (Sized(size=4096), [])
    assert "where a GPU" not in Sized.allowed("size")


def test_the_limits_of_the_pages(monkeypatch):
    wide = [(stem, {"width": "4096"}) for stem in ("activations", "initialization")]
    wide += [("loss_surfaces", {"surface": "Himmelblau", "panels": "Basins of attraction", "basin_resolution": "1024"})]
    for gpu in (False, True):
        monkeypatch.setattr(hardware, "accelerated", lambda gpu=gpu: gpu)
        for stem, link in wide:
            assert bool(catalog.concepts()[stem].experiment.Settings.lenient(link)[1]) is not gpu


def opened(stem, **link):
    page = AppTest.from_file(ROOT / "app.py", default_timeout=60)
    page.query_params.update(link)
    return page.switch_page(f"pages/{stem}.py").run()


def test_a_link_from_a_gpu_machine_is_explained():
    page = opened("initialization", width="4096", panels="")
    assert not page.exception
    said = " ".join(item.value for item in (*page.warning, *page.info, *page.error))
    assert "a whole number from 8 to 1024 (up to 4096 where a GPU is)" in said
    assert "width" not in page.query_params


def test_nothing_asks_torch_where_no_driver_is():
    code = """
import sys
from dlviz import catalog, hardware
hardware._driver = lambda: False
for concept in catalog.concepts().values():
    model = concept.experiment.Settings
    for name in model.model_fields:
        model.bounds(name), model.ticks(name), model.allowed(name)
assert not hardware.accelerated()
assert "torch" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_wrong_choice_opens_no_limit(monkeypatch):
    for wrong in ("tpu", "cuda" if not torch.cuda.is_available() else "gpu"):
        monkeypatch.setenv("DLVIZ_DEVICE", wrong)
        assert not hardware.accelerated()
    monkeypatch.setenv("DLVIZ_DEVICE", "cpu")
    monkeypatch.setattr(hardware, "_driver", lambda: True)
    assert not hardware.accelerated()
    monkeypatch.delenv("DLVIZ_DEVICE")
    monkeypatch.setattr(hardware, "chosen", lambda: SimpleNamespace(type="cuda"))
    assert hardware.accelerated()


# -- what is said --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("computed", "english", "chinese"),
    [
        (Computed(), "CPU", "CPU"),
        (Computed("NVIDIA H100"), "NVIDIA H100", "NVIDIA H100"),
        (Computed("NVIDIA H100", "pieces"), "NVIDIA H100, in smaller pieces", "已分成更小的块"),
        (Computed("CPU", "cpu"), "CPU: the memory of the GPU was too small", "显存不足"),
    ],
)
def test_captions_name_the_device_of_the_result(computed, english, chinese):
    settings = catalog.concepts()["bptt"].experiment.Settings()
    assert json.loads(provenance.record("bptt", settings, computed))["device"].startswith(english)
    assert chinese in provenance.text_lines("bptt", settings, computed, "zh", None).splitlines()[-1]


@pytest.mark.parametrize(("language", "footer"), [("en", "Computed on CPU."), ("zh", "计算设备：CPU。")])
def test_the_footer_of_a_page_names_the_device(language, footer):
    assert footer in [item.value for item in opened("normalization", lang=language).caption]


def test_the_footer_says_what_did_not_fit(monkeypatch):
    result = compute.result
    monkeypatch.setattr(compute, "result", lambda *args: replace(result(*args), computed=Computed("CPU", "cpu")))
    footer = "Computed on CPU: the memory of the GPU was too small."
    assert footer in [item.value for item in opened("normalization").caption]
