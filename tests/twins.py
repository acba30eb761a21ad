"""What lesson 1 and the README show of lesson 5: answers to a photo that moves."""

import html
import io
import json
import re
from pathlib import Path

import matplotlib.pyplot as plt
from nbformat import NotebookNode
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
LESSON = "05_real_network"
ANSWERS = ROOT / "explore" / "twins.json"
ANIMATION = ROOT / "images" / "twins.png"
TRUTH, SEEN = "missile", 224
SECONDS = 1.2  # a picture; two rounds end before five seconds, and nothing flashes


def answers(notebook: NotebookNode) -> bytes:
    """Return what lesson 5 stores of the rocket: the five best names, at 200 places.

    `view` is the place before the step that changes the probability most.
    """
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    pages = "\n".join(str(o.get("data", {}).get("text/html")) for o in outputs)
    (start,) = re.findall(r'data-explorer="window" data-start="([^"]*)', pages)
    state = json.loads(html.unescape(start))
    rocket = next(p["answers"] for p in state["photos"] if p["name"] == "rocket")
    shares = [dict(each)[state["names"].index(TRUTH)] for each in rocket]
    view = max(range(199), key=lambda place: abs(shares[place + 1] - shares[place]))
    found = {"names": state["names"], "truth": TRUTH, "view": view, "answers": rocket}
    return (json.dumps(found, separators=(",", ":")) + "\n").encode()


def animation(stored: bytes) -> bytes:
    """Return the two views as an animated PNG, each with what the network says."""
    found = json.loads(stored)
    photo = plt.imread(ROOT / "images" / "rocket.jpg")
    views = [found["view"], found["view"] + 1]
    index = found["names"].index(TRUTH)
    shares = [dict(found["answers"][view])[index] for view in views]
    frames = []
    for shown, view in enumerate(views):
        left = photo.shape[1] // 2 - SEEN // 2 - (view - 100)
        seen = photo[(photo.shape[0] - SEEN) // 2 :][:SEEN, left : left + SEEN]
        frames.append(_frame(seen, shares, shown))
    packed = io.BytesIO()
    look = {"duration": SECONDS * 1000, "loop": 2, "optimize": True}
    frames[0].save(packed, "PNG", save_all=True, append_images=frames[1:], **look)
    return packed.getvalue()


def _frame(seen, shares: list[int], shown: int) -> Image.Image:
    with plt.style.context("default", after_reset=True):
        figure = plt.figure(figsize=(6, 3), dpi=120)
        axis = figure.add_axes((0, 0, 0.5, 1))
        axis.imshow(seen, interpolation="bicubic")
        axis.set_axis_off()
        words = figure.add_axes((0.56, 0, 0.41, 1), xlim=(0, 62), ylim=(0, 1))
        words.set_axis_off()
        words.text(0, 0.86, f"A network says {TRUTH}:", size=12)
        rows = [(0.66, "as it stands"), (0.36, "one pixel to the right")]
        for place, (height, name) in enumerate(rows):
            now, share = place == shown, shares[place]
            words.barh(height - 0.1, share, 0.1, color="#0072B2" if now else "0.75")
            look = {"weight": "bold" if now else "normal"}
            look["color"] = "black" if now else "0.35"
            words.text(0, height, name, size=12, **look)
            words.text(share + 1, height - 0.125, f"{share}%", size=16, **look)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png")
        plt.close(figure)
    return Image.open(buffer).convert("RGB")
