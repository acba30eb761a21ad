"""Time the layers against the same work done otherwise; `make bench` runs it.

Nothing here fails for being slow, but each way must give the same result. The table at
the end says how many times the time and the memory of ours each takes.
"""

import time
from importlib import import_module

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.profiler import ProfilerActivity, profile

from shifts.layers import blur_pool, polyphase

SHAPES = [(2, 64, 56, 56), (8, 64, 112, 112)]
MODES = {"circular": "circular", "zeros": "constant", "reflect": "reflect"}
rows = []


def depthwise(channels, padding):
    kernel = torch.tensor([1.0, 2, 1]).outer(torch.tensor([1.0, 2, 1])) / 16
    kernel = kernel.expand(channels, 1, 3, 3).contiguous()

    def blur(x):
        padded = F.pad(x, (1, 1, 1, 1), mode=MODES[padding])
        return F.conv2d(padded, kernel, stride=2, groups=channels)

    return blur


def adobe(channels, padding):
    names = {"zeros": "zero", "reflect": "reflect"}
    if padding not in names:
        return None
    peer = import_module("antialiased_cnns")
    return peer.BlurPool(channels, pad_type=names[padding], filt_size=3, stride=2)


def timm(channels, padding):
    peer = import_module("timm.layers")
    return peer.BlurPool2d(channels, pad_mode=MODES[padding])


def kornia(channels, padding):
    peer = import_module("kornia.filters")
    return peer.BlurPool2D(3) if padding == "zeros" else None


BLURS = {"F.conv2d": depthwise, "antialiased-cnns": adobe, "timm": timm}
BLURS["kornia"] = kornia


def by_norm(x):
    """Adaptive polyphase sampling from its definition, whose ties go to a name."""
    parts = torch.stack([x[..., i::2, j::2] for i in (0, 1) for j in (0, 1)])
    largest = torch.linalg.vector_norm(parts, dim=(2, 3, 4)).argmax(0)
    return parts[largest, torch.arange(len(x))]


@pytest.fixture(scope="module", autouse=True)
def table(request):
    yield

    class Table:
        def pytest_terminal_summary(self, terminalreporter):
            terminalreporter.section("times and memory of other ways, × ours")
            for name, shape, seconds, memory in rows:
                line = f"{name:<40}{shape:>18}{seconds:>10}{memory:>10}"
                terminalreporter.write_line(line)

    request.config.pluginmanager.register(Table())


def memory(way, x):
    """Bytes that a way takes from the system, in all its steps."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as steps:
        way(x)
    taken = [event.self_cpu_memory_usage for event in steps.key_averages()]
    return sum(amount for amount in taken if amount > 0)


def compare(name, ours, way, x):
    seconds = {ours: [], way: []}
    with torch.inference_mode():
        torch.testing.assert_close(way(x), ours(x))
        # In turns, so that both meet the same conditions; the best of each counts.
        for _ in range(25):
            for each, taken in seconds.items():
                start = time.perf_counter()
                each(x)
                taken.append(time.perf_counter() - start)
        more = memory(way, x) / memory(ours, x)
    ratio = min(seconds[way]) / min(seconds[ours])
    rows.append((name, "×".join(map(str, x.shape)), f"{ratio:.2f}", f"{more:.2f}"))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("padding", MODES)
@pytest.mark.parametrize("peer", BLURS)
def test_blur_pool(peer, padding, shape):
    try:
        way = BLURS[peer](shape[1], padding)
    except ImportError:
        pytest.skip(f"{peer} is not installed")
    if way is None:
        pytest.skip(f"{peer} has no padding {padding}")
    if isinstance(way, nn.Module):
        way.eval()
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    compare(f"blur_pool, {padding}: {peer}", lambda x: blur_pool(x, padding), way, x)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_polyphase(shape):
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    compare("polyphase: by norm", polyphase, by_norm, x)
