"""Time the helpers against the same work done otherwise; `make bench` runs it.

Nothing here fails for being slow, but each way must give the same result. The tables at
the end say how many times the helpers' time each takes, beside what is wanted.
"""

import ctypes
import shutil
import subprocess
import sys
import time
from pathlib import Path

import cv2
import nbformat
import numpy as np
import psutil
import pytest
import torch
import torch.nn.functional as F
from execute import execute
from scipy.signal import correlate2d
from skimage.measure import block_reduce
from test_helpers import PREWITT, loop_convolve, loop_max_pool

import helpers as h

ROOT = Path(h.__file__).parent
PHOTO = h.load_image("image.jpg")
IMAGES = {"427x640": PHOTO, "2160x3840": np.tile(PHOTO, (6, 6))[:2160, :3840].copy()}
FILTER = PREWITT.astype(float)

# Each way makes a function of no argument, so that converting the image is not timed.


def ready(compute):
    return lambda image: lambda: compute(image)


def by_torch(compute, dtype):
    def prepare(image):
        batch = torch.tensor(image, dtype=dtype)[None, None]
        return lambda: compute(batch)

    return prepare


def torch_convolve(batch):
    return F.relu(F.conv2d(batch, torch.tensor(FILTER, dtype=batch.dtype)[None, None]))


def torch_max_pool(batch):
    return F.max_pool2d(batch, 2)


def reshape_max(image):
    height, width = image.shape[0] // 2, image.shape[1] // 2
    cells = image[: 2 * height, : 2 * width].reshape(height, 2, width, 2)
    return cells.max(axis=(1, 3))


def reduce_blocks(image):
    whole = image[: image.shape[0] // 2 * 2, : image.shape[1] // 2 * 2]
    return block_reduce(whole, (2, 2), np.max)


# The bar: how many times faster the helper should be, where the project sets one.
WAYS = {
    "convolve": {
        "helpers": (ready(lambda x: h.convolve(x, FILTER, visualize=False)), None),
        "cv2.filter2D + clip": (
            ready(lambda x: np.clip(cv2.filter2D(x, -1, FILTER)[1:-1, 1:-1], 0, None)),
            1,
        ),
        "torch, float64": (by_torch(torch_convolve, torch.float64), 3),
        "torch, float32": (by_torch(torch_convolve, torch.float32), None),
        "scipy": (
            ready(lambda x: np.maximum(correlate2d(x, FILTER, "valid"), 0)),
            None,
        ),
        "loop": (ready(lambda x: loop_convolve(x, FILTER)), 500),
    },
    "max_pool": {
        "helpers": (ready(h.max_pool), None),
        "torch, float64": (by_torch(torch_max_pool, torch.float64), 3),
        "torch, float32": (by_torch(torch_max_pool, torch.float32), None),
        "reshape + max": (ready(reshape_max), None),
        "skimage": (ready(reduce_blocks), None),
        "loop": (ready(lambda x: loop_max_pool(x, 2)), 500),
    },
}
ARTICLE = """
import torch
import torch.nn as nn
import torch.nn.functional as F
import torchvision
import numpy as np
import matplotlib.pyplot as plt
import cv2
from tqdm.notebook import tqdm
import seaborn as sns
from torchvision.utils import make_grid
"""

rows = []
# A row for each size of image and of filter or cell: how many times the helper's time.
peers = []
HEADINGS = {
    "convolve": ["compiled loop", "filter2D + clip", "torch", "copy"],
    "max_pool": ["reshape + max", "torch", "copy"],
}
LOOP = """
void convolve(const double *x, long H, long W, const double *f, long k, double *y) {
    long h = H - k + 1, w = W - k + 1;
    for (long r = 0; r < h; r++) {
        double *out = y + r * w;
        for (long c = 0; c < w; c++) out[c] = 0;
        for (long i = 0; i < k; i++)
            for (long j = 0; j < k; j++) {
                const double weight = f[i * k + j], *in = x + (r + i) * W + j;
                for (long c = 0; c < w; c++) out[c] += weight * in[c];
            }
        for (long c = 0; c < w; c++) out[c] = out[c] > 0 ? out[c] : 0;
    }
}
"""


@pytest.fixture(scope="module", autouse=True)
def table(request):
    yield

    class Table:
        def pytest_terminal_summary(self, terminalreporter):
            terminalreporter.section("times of other ways, and what is wanted")
            for name, measured, wanted in rows:
                terminalreporter.write_line(f"{name:<45}{measured:>25}   {wanted}")
            for task, names in HEADINGS.items():
                terminalreporter.section(f"{task}: × helpers, wanted: at least 1")
                columns = ["image", "filter" if task == "convolve" else "cell", *names]
                for row in [columns, *(row for of, *row in peers if of == task)]:
                    terminalreporter.write_line("".join(f"{x:>17}" for x in row))

    request.config.pluginmanager.register(Table())


@pytest.mark.parametrize(
    "task, size, way",
    [(task, size, way) for task in WAYS for size in IMAGES for way in WAYS[task]],
)
def test_speed(task, size, way, benchmark):
    benchmark.group = f"{task}, {size}"
    prepare, bar = WAYS[task][way]
    compute, ours = prepare(IMAGES[size]), WAYS[task]["helpers"][0](IMAGES[size])
    our_seconds = []

    def time_ours():
        for _ in range(20 if way == "loop" else 1):
            start = time.perf_counter()
            ours()
            our_seconds.append(time.perf_counter() - start)

    # In turns, so that both meet the same conditions; the best of each counts.
    rounds = 1 if way == "loop" else 30 if IMAGES[size].size > 10**6 else 300
    result = benchmark.pedantic(compute, setup=time_ours, rounds=rounds)
    np.testing.assert_array_equal(np.asarray(result).squeeze(), ours())
    if way != "helpers":
        ratio = benchmark.stats.stats.min / min(our_seconds)
        wanted = f"at least {bar}" if bar else ""
        rows.append((f"{task}, {size}: {way}", f"{ratio:.1f} × helpers", wanted))


@pytest.fixture(scope="module")
def compiled_loop(tmp_path_factory):
    if not shutil.which("cc"):
        return None
    source = tmp_path_factory.mktemp("loop") / "loop.c"
    source.write_text(LOOP, "utf-8")
    library = source.with_suffix(".so")
    options = ["-O3", "-march=native", "-shared", "-fPIC"]
    subprocess.run(["cc", *options, source, "-o", library], check=True)
    array, long = np.ctypeslib.ndpointer(float, flags="C"), ctypes.c_long
    function = ctypes.CDLL(library).convolve
    function.argtypes = [array, long, long, array, long, array]

    def convolve(image, filter):
        out = np.empty([side - len(filter) + 1 for side in image.shape])
        function(image, *image.shape, filter, len(filter), out)
        return out

    return convolve


@pytest.mark.parametrize("size", [64, 256, 1024, 4096, 8192])
@pytest.mark.parametrize(
    "task, side",
    [("convolve", k) for k in (3, 5, 7)]
    + [("max_pool", k) for k in (2, 3, 5, 8, 16, 31, 64)],
)
def test_peers(task, side, size, compiled_loop):
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (size, size)).astype(float)
    batch = torch.tensor(image)[None, None]
    filter = rng.integers(-9, 10, (side, side)).astype(float)
    weights, end = torch.tensor(filter)[None, None], size - side // 2
    inside = (slice(side // 2, end),) * 2
    ways = {
        "convolve": {
            "helpers": lambda: h.convolve(image, filter, visualize=False),
            "compiled loop": compiled_loop and (lambda: compiled_loop(image, filter)),
            "filter2D + clip": lambda: np.clip(
                cv2.filter2D(image, -1, filter)[inside], 0, None
            ),
            "torch": lambda: F.relu(F.conv2d(batch, weights)),
        },
        "max_pool": {
            "helpers": lambda: h.max_pool(image, side),
            "reshape + max": lambda: reshape_max_in_turn(image, side),
            "torch": lambda: F.max_pool2d(batch, side),
        },
    }[task]
    if task == "convolve" and size * side > 4096:  # it takes a copy for each weight
        ways["torch"] = None
    ways = {name: way for name, way in ways.items() if way} | {"copy": image.copy}
    seconds = {name: [] for name in ways}
    # In turns, so that all meet the same conditions; the best of each counts.
    for _ in range(3 if size > 1024 else 30):
        for name, way in ways.items():
            start = time.perf_counter()
            result = way()
            seconds[name].append(time.perf_counter() - start)
            if name == "helpers":
                ours = result
            elif name != "copy":
                np.testing.assert_array_equal(np.squeeze(result), ours)
    best = min(seconds["helpers"])
    ratios = [
        f"{min(seconds[name]) / best:.2f}" if name in ways else "–"
        for name in HEADINGS[task]
    ]
    peers.append((task, f"{size}²", f"{side}×{side}", *ratios))


def reshape_max_in_turn(image, k):
    height, width = image.shape[0] // k, image.shape[1] // k
    rows = image[: height * k, : width * k].reshape(height, k, width * k).max(1)
    return rows.reshape(height, width, k).max(2)


# How many times the peer's time the helper may take while all cores have other work: a
# library with threads would wait for one that does not get its turn.
BUSY = {
    "convolve": (5, "filter2D", lambda x: cv2.filter2D(x, -1, FILTER)),
    "max_pool": (None, "a copy", np.copy),
    "relative_change": (50, "a copy", np.copy),
}


def median_times(ways, turns=60):
    seconds = {name: [] for name in ways}
    for _ in range(turns):  # in turns, so that all meet the same conditions
        for name, way in ways.items():
            start = time.perf_counter()
            way()
            seconds[name].append(time.perf_counter() - start)
    return {name: np.median(taken) for name, taken in seconds.items()}


def test_busy():
    moved = h.translate(PHOTO, right=1, wrap=True)
    ways = {
        "convolve": lambda: h.convolve(PHOTO, FILTER, visualize=False),
        "max_pool": lambda: h.max_pool(PHOTO),
        "relative_change": lambda: h.relative_change(PHOTO, moved),
    }
    peers = {peer: lambda way=way: way(PHOTO) for _, peer, way in BUSY.values()}
    idle = median_times(ways | peers)
    endless = [sys.executable, "-c", "while True: pass"]
    others = [subprocess.Popen(endless) for _ in range(psutil.cpu_count())]
    try:
        time.sleep(1)  # until they all run
        busy = median_times(ways | peers)
    finally:
        for other in others:
            other.kill()
            other.wait()
    for name, (bar, peer, _) in BUSY.items():
        for when, taken in [("idle", idle), ("while the cores are busy", busy)]:
            ratio = f"{taken[name] / taken[peer]:.1f} × {peer}"
            wanted = f"at most {bar}" if bar else ""
            rows.append((f"{name}, {when}", ratio, wanted))


def measure_import(code):
    """Return the seconds and the bytes that an import costs a fresh interpreter."""
    program = (
        "import psutil, time; start = time.perf_counter()\n"
        f"{code}\n"
        "print(time.perf_counter() - start, psutil.Process().memory_info().rss)"
    )
    run = [sys.executable, "-c", program]
    output = subprocess.run(run, cwd=ROOT, capture_output=True, text=True, check=True)
    return [float(number) for number in output.stdout.split()]


def test_import():
    # In turns, so that both meet the same conditions; the best of five.
    runs = [[measure_import(c) for c in ("import helpers", ARTICLE)] for _ in range(5)]
    (our_time, our_memory), (their_time, their_memory) = np.min(runs, axis=0)
    for what, ratio, ours in [
        ("time", our_time / their_time, f"{our_time:.2f} s"),
        ("memory", our_memory / their_memory, f"{our_memory / 1e6:.0f} MB"),
    ]:
        measured = f"{ours}, {ratio:.2f} × article's"
        rows.append((f"import helpers: {what}", measured, "at most 0.25"))


BARS = {"05": 45, "06": 90, "07": 60}  # seconds; 30 for the others


@pytest.mark.parametrize(
    "path", sorted(ROOT.glob("notebooks/*.ipynb")), ids=lambda path: path.name
)
def test_notebook(path):
    memory = []

    def measure(**_):
        kernel = psutil.Process().children(recursive=True)
        memory.append(sum(process.memory_info().rss for process in kernel))

    start = time.perf_counter()
    notebook = nbformat.read(path, as_version=4)
    execute(notebook, path.parent, on_cell_executed=measure)
    taken = time.perf_counter() - start
    light = "import torch" not in path.read_text(encoding="utf-8")
    wanted = f"at most {BARS.get(path.name[:2], 30)} s" + (", 400 MB" if light else "")
    measured = f"{taken:.1f} s, {max(memory) / 1e6:.0f} MB"
    rows.append((path.name, measured, wanted))
