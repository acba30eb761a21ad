"""What tries an answer: it ends, shows nothing that is not asked for, and says why."""

import _thread
import contextlib
import doctest
import functools
import gc
import re
import signal
import sys
import threading
import time

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from jupyter_client import KernelManager
from jupyter_client.kernelspec import KernelSpecManager
from notebook_checks import ROOT
from test_exercises import FUNCTIONS, by_loop, by_padding, by_windows, said

import exercises
import helpers
from shifts import checking


def test_examples():
    failed, attempted = doctest.testmod(checking)
    assert failed == 0 and attempted > 15


# Loops that never end


def nothing_runs():
    """Whether the threads that ran answers are gone, or soon are."""
    for _ in range(100):
        if not any("(run)" in thread.name for thread in threading.enumerate()):
            return True
        time.sleep(0.01)
    return False


@pytest.fixture
def hurry(monkeypatch):
    monkeypatch.setattr(checking, "SECONDS", 0.05)
    yield
    assert nothing_runs()


def forever(*arguments):
    while True:
        pass


def asleep(*arguments):
    while True:
        time.sleep(0.1)


def catches_errors(*arguments):
    while True:
        with contextlib.suppress(Exception):
            time.sleep(0.01)


def in_a_helper(*arguments):
    return sum(1 for _ in iter(int, 1))


@pytest.mark.parametrize("loop", [forever, asleep, catches_errors, in_a_helper])
@pytest.mark.parametrize("check", FUNCTIONS)
def test_a_loop_is_ended(check, loop, hurry, capsys):
    start = time.monotonic()
    line = said(check, loop, capsys)
    assert time.monotonic() - start < 5
    assert "has not come back after 0.05 seconds. Does a loop in it never end?" in line
    assert "restart" not in line


def collects(log):
    """Never end, and leave behind what only a garbage collection frees."""
    while True:
        ring = []
        ring.append(ring)


def drops(log):
    class Slow:
        def __del__(self):
            log.append("start")
            time.sleep(0.2)
            log.append("stop")

    Slow()
    forever()


@pytest.mark.parametrize("frees", [collects, drops])
def test_nothing_is_cut_short_but_the_answer(frees, hurry, monkeypatch):
    """Neither a callback of the garbage collection, as hypothesis has, nor a `__del__`.

    What is raised there would be printed, and lost.
    """
    log, lost = [], []
    monkeypatch.setattr(sys, "unraisablehook", lost.append)

    def callback(*_):
        if "(run)" in threading.current_thread().name:
            log.append("start")
            time.sleep(0.02)
            log.append("stop")

    gc.callbacks.append(callback)
    try:
        with pytest.raises(checking.Hint, match="never end[?]$"):
            checking._limited(frees, log)
    finally:
        gc.callbacks.remove(callback)
    assert not lost and log[-1] == "stop" and gc.isenabled()


def test_a_call_that_cannot_be_ended_is_left_behind(hurry, capsys):
    """No exception reaches a thread that waits in compiled code."""
    busy = threading.Lock()
    busy.acquire()
    line = said(exercises.check_break, lambda image: busy.acquire(), capsys)
    assert "It still runs: restart the kernel to stop it." in line
    assert not nothing_runs()
    busy.release()


SLOW = "import time\ndef wait(): time.sleep(1)\n"


def test_an_import_is_waited_for(tmp_path, monkeypatch):
    """It may take long, and a module cut short is of no use to the next cell."""
    (tmp_path / "slow_library.py").write_text(SLOW + "wait()", "utf-8")
    monkeypatch.setattr(checking, "SECONDS", 0.3)
    monkeypatch.syspath_prepend(tmp_path)

    def late():
        import slow_library

        return slow_library.__name__

    assert checking.call(late) == "slow_library"


@pytest.mark.parametrize("module", ["numba.core.compiler", "llvmlite.binding.passes"])
def test_a_compiler_is_waited_for(module, monkeypatch):
    monkeypatch.setattr(checking, "SECONDS", 0.3)
    compiler = {"__name__": module}
    exec(SLOW, compiler)
    assert checking.call(lambda: compiler["wait"]() or 1) == 1
    compiler["__name__"] = "another"
    with pytest.raises(checking.Hint, match="has not come back"):
        checking.call(compiler["wait"])


def test_pytorchs_compiler_is_waited_for(monkeypatch):
    """And the function that it has made is not."""
    monkeypatch.setattr(checking, "SECONDS", 0.3)
    waits = []

    def slow(graph, inputs):
        time.sleep(1)
        return lambda *inputs: [waits and time.sleep(1) or inputs[0]]

    compiled = torch.compile(lambda x: x + 1, backend=slow)
    assert checking.call(compiled, torch.ones(2)) is not None
    waits.append(True)
    with pytest.raises(checking.Hint, match="has not come back"):
        checking.call(compiled, torch.ones(2))


@pytest.fixture
def interrupts():
    """Take interrupts, which are off where the tests run in the background.

    None gets lost in a callback of the garbage collection: hypothesis sets one for all
    tests that follow its own.
    """
    gc.disable()
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
    gc.enable()


def test_the_readers_own_interrupt_ends_the_check(interrupts):
    timer = threading.Timer(0.3, _thread.interrupt_main)
    timer.start()
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        exercises.check_break(forever)
    assert time.monotonic() - start < checking.SECONDS - 1
    assert nothing_runs()


LEFT_OUT = "(What your function displays is left out here.)"
DRAWS = """
def pools(image, size, stride):
    max_pool(image, visualize=True)
    windows = np.lib.stride_tricks.sliding_window_view(image, (size, size))
    return windows[::stride, ::stride].max((2, 3))
def plots(image):
    plt.imshow(image)
    return image[::-1]
exercises.check_pool(pools)
exercises.check_break(plots)
exercises.check_break(lambda image: image[::-1])"""


def test_in_a_kernel():
    """A loop in the main thread of a kernel ends in a hint, and can be interrupted."""
    # No folder to search: a user's own kernel may also be called python3.
    kernels = KernelSpecManager(kernel_dirs=[])
    manager = KernelManager(kernel_name="python3", kernel_spec_manager=kernels)
    manager.start_kernel(cwd=str(ROOT))
    client = manager.blocking_client()
    client.start_channels()
    client.wait_for_ready(timeout=60)
    messages = []

    def run(code):
        return client.execute_interactive(
            code, timeout=60, output_hook=messages.append
        )["content"]

    def printed():
        """Return what the kernel has printed, if that is all it has put out."""
        shown = [
            m for m in messages if m["msg_type"] not in ("status", "execute_input")
        ]
        messages.clear()
        assert {m["msg_type"] for m in shown} == {"stream"}
        return "".join(m["content"]["text"] for m in shown)

    try:
        run("import exercises\nfrom shifts import checking\nimport numpy as np")
        run("from helpers import max_pool\nimport matplotlib.pyplot as plt")
        run(DRAWS)
        assert printed() == f"Correct.\n{LEFT_OUT}\n" * 2 + "Correct.\n"
        run("def forever(image):\n    while True: pass")
        run("checking.SECONDS = 0.5; exercises.check_break(forever)")
        assert "has not come back after 0.5 seconds" in printed()
        threading.Timer(1, manager.interrupt_kernel).start()
        reply = run("checking.SECONDS = 500; exercises.check_break(forever)")
        assert reply["ename"] == "KeyboardInterrupt"
        assert run("import threading, time; time.sleep(0.5)")["status"] == "ok"
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


# What it shows, and what it says


def test_figures_are_closed_and_a_word_says_so(capsys):
    """One that the reader has open stays."""
    mine = plt.figure()

    def draws(image, size, stride):
        helpers.max_pool(image, visualize=True)
        return by_windows(image, size, stride)

    assert said(exercises.check_pool, by_windows, capsys) == "Correct."
    assert said(exercises.check_pool, draws, capsys) == f"Correct.\n{LEFT_OUT}"
    line = said(exercises.check_pool, lambda *_: draws(*_)[0], capsys)
    assert line.startswith("Not yet: ") and line.endswith(f"\n{LEFT_OUT}")
    assert plt.get_fignums() == [mine.number]
    plt.close(mine)


def test_a_loop_counts_in_whatever_cell_it_stands():
    source = (
        """
def moved(x, i, j):
    return x[i, j] if 0 <= i < len(x) and 0 <= j < x.shape[1] else 0
""",
        """
def translate(image, down, right):
    pixels = [moved(image, i - down, j - right) for i, j in np.ndindex(image.shape)]
    return np.reshape(pixels, image.shape)
""",
    )
    notebook = {"np": np}
    for number, cell in enumerate(source):
        exec(compile(cell, f"cell {number}", "exec"), notebook)
    assert "one by one" in exercises.check_translate.hint(notebook["translate"])


class Loops:
    __call__ = staticmethod(by_loop)


LOOPS = [Loops(), Loops().__call__, functools.partial(by_loop)]


@pytest.mark.parametrize("answer", LOOPS)
def test_a_loop_counts_however_it_is_called(answer):
    assert "one by one" in exercises.check_translate.hint(answer)
    fast = functools.partial(by_padding)
    assert exercises.check_translate.hint(fast) is None


@pytest.mark.parametrize(
    "options",
    [
        {"threshold": 1, "edgeitems": 1},
        {"formatter": {"all": lambda number: "?"}},
        {"precision": 1, "suppress": True, "floatmode": "fixed", "sign": "+"},
        {"linewidth": 9, "nanstr": "?"},
        {"legacy": "1.13"},
    ],
)
def test_a_readers_print_options_change_no_hint(options):
    def wrong(image, stride):
        return image[::stride, ::stride] / 7

    hint = exercises.check_low_pass.hint(wrong)
    assert "image " in hint and "\n[[" in hint
    with np.printoptions(**options):
        assert exercises.check_low_pass.hint(wrong) == hint


@pytest.mark.parametrize("scale", [1e-3, 1, 1e4, 1e9])
@pytest.mark.parametrize("off", [2e-5, 1e-4, 1e-3, 0.5])
def test_a_hint_never_says_that_you_have_what_is_wanted(scale, off):
    """Neither in its sentence nor in its pictures."""
    wanted = scale * np.array([[1.5, 1.25], [0, 3]])
    result = wanted + off * max(scale, 1)
    with pytest.raises(checking.Hint) as wrong:
        checking.compare(result, wanted)
    line, _, *rows = str(wrong.value).split("\n")
    yours, right = re.search("you have (.+), and (.+) is wanted", line).groups()
    assert float(yours) != float(right)
    numbers = np.array([re.findall(r"[^\s\[\]]+", row) for row in rows], float)
    differ = ~np.isclose(result, wanted, rtol=1e-5, atol=1e-5)
    assert differ.any() and np.all(numbers[:, :2][differ] != numbers[:, 2:][differ])
