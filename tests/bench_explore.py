"""From a key to the painted frame: how long a reader waits for an explorer.

make bench prints it; nothing is asserted. Wanted: at most 16 ms for grids and digits,
50 ms for whole photos.
"""

import statistics

import pytest
from test_explore import STATES, browser, explorer  # noqa: F401

# A frame has been painted when a message that was posted in it arrives.
PRESS = """(canvas, key) => new Promise(done => {
    const start = performance.now();
    canvas.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true}));
    requestAnimationFrame(() => {
        const channel = new MessageChannel();
        channel.port1.onmessage = () => done(performance.now() - start);
        channel.port2.postMessage(null);
    });
})"""


CASES = [(name, {}) for name in STATES] + [("half", {"picture": "small"})]


@pytest.mark.parametrize(("name", "changes"), CASES)
def test_latency(explorer, name, changes, capsys):  # noqa: F811
    canvas = explorer(name, **changes).locator("canvas[tabindex]")
    keys = ["ArrowRight"] * 20 + ["ArrowLeft"] * 20
    times = sorted(canvas.evaluate(PRESS, key) for key in keys)
    middle = statistics.median(times)
    with capsys.disabled():
        words = " ".join([name, *changes.values()])
        print(f"\n{words:10} {middle:4.0f} ms, longest {times[-1]:4.0f} ms")
