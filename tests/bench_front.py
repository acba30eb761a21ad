"""How long until the first page is seen, over a slow line and on a slow processor.

make bench prints it; nothing is asserted. Wanted: at most 2 s at 1.6 Mbit/s, with the
processor four times slower.
"""

import functools
import http.server
import threading

from test_front import lessons, site  # noqa: F401
from test_handout import browser  # noqa: F401

PAINTED = """() => new Promise(done => {
    const seen = () => performance.getEntriesByName('first-contentful-paint')[0];
    const look = () => seen() ? done(seen().startTime) : setTimeout(look, 50);
    look();
})"""
LOADED = "() => performance.getEntriesByType('navigation')[0].loadEventEnd"
SLOW = {"offline": False, "latency": 150, "uploadThroughput": 1e5}
SLOW["downloadThroughput"] = 1.6e6 / 8


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files as they are, without compressing them."""

    def log_message(self, *_):
        """Say nothing."""


def test_first_paint(site, browser, capsys):  # noqa: F811
    handler = functools.partial(Quiet, directory=site)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        context = browser.new_context(viewport={"width": 390, "height": 844})
        page = context.new_page()
        slow = context.new_cdp_session(page)
        slow.send("Network.enable")
        slow.send("Network.emulateNetworkConditions", SLOW)
        slow.send("Emulation.setCPUThrottlingRate", {"rate": 4})
        page.goto(
            f"http://127.0.0.1:{server.server_port}/index.html", wait_until="load"
        )
        painted, loaded = page.evaluate(PAINTED), page.evaluate(LOADED)
        page.locator("[data-explorer]").first.scroll_into_view_if_needed()
        page.locator("[data-explorer].explorer").first.wait_for()
        alive = page.evaluate("performance.now()")
        context.close()
        server.shutdown()
    with capsys.disabled():
        print(
            f"\nfirst paint {painted / 1000:.1f} s, loaded {loaded / 1000:.1f} s, ",
            end="",
        )
        print(f"first figure alive {alive / 1000:.1f} s")
