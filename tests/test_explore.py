"""The explorers: in JupyterLab and on the site, they show what Python computes."""

import ast
import base64
import functools
import html
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
from types import SimpleNamespace

import cv2
import IPython.display
import nbformat
import notebook_checks as checks
import numpy as np
import pytest
from test_handout import browser, faults_of_page, load, view  # noqa: F401
from test_lab import jupyterlab

from handout import build, paper, web
from handout.lesson import ROOT
from helpers import convolve, load_image, max_pool, relative_change, translate
from shifts import figures

PREWITT = [[-1, 0, 1]] * 3
PHOTO = load_image("image.jpg")
HALF, QUARTER = PHOTO[::2, ::2], PHOTO[::4, ::4]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
WITH = [p for p in NOTEBOOKS if "data-explorer" in p.read_text("utf-8")]
LONG = {"05_real_network", "06_repair"}  # training takes minutes: opened, not run
random = np.random.default_rng(0)


def bands():
    padded = np.pad(PHOTO[:384], 1, mode="wrap")
    edges = convolve(padded, PREWITT, visualize=False)
    return edges.reshape(6, 64, 640).max(axis=1)


def made_up_answers(photo):
    ranks = [random.permutation(5).tolist() for _ in range(200)]
    views = [[[each, 60 // (place + 1)] for place, each in enumerate(r)] for r in ranks]
    comb = random.random(66).round(3).tolist()
    return {"name": photo, "truth": "a", "answers": views, "comb": comb}


def stored_start(notebook, name):
    """What an explorer of a notebook starts with, as it is stored there."""
    path = ROOT / "notebooks" / f"{notebook}.ipynb"
    outputs = [o for c in nbformat.read(path, 4).cells for o in c.get("outputs", [])]
    pages = [o.data["text/html"] for o in outputs if "text/html" in o.get("data", {})]
    [page] = [page for page in pages if f'data-explorer="{name}"' in page]
    return json.loads(html.unescape(re.search(r'data-start="([^"]*)"', page)[1]))


ROW = [0, 0, 1, 5, 8, 6, 3, 1, 1, 1, 0, 0]
SMALL = PHOTO[:384].reshape(48, 8, 80, 8).mean(axis=(1, 3)).round().astype(int).tolist()
STATES = {
    "step": {"pixel": [2, 2], "side": 10},
    "drift": {"photo": "rocket.png", "down": 0, "right": 0},
    "square": {"photo": "rocket_half.png", "down": 3, "right": 5, "border": "zeros"}
    | {"stride": "1", "filter": PREWITT},
    "mirror": {"photo": "rocket.png", "filter": PREWITT, "strong": 50, "down": 0}
    | {"right": 0, "mirrorPhoto": True, "mirrorFilter": False, "mirrorResult": True},
    "pool": {"side": 10, "pixels": [[2, 2], [7, 7]], "move": "0", "drawing": []}
    | {"pooling": "max", "poolings": 4},
    "rocket": {"photo": "rocket_quarter.png", "bands": bands().tolist(), "right": 0},
    "window": {"photo": "three.jpg", "names": [*"abcde"], "right": 0, "shown": "2"}
    | {"photos": [made_up_answers(photo) for photo in ("cat", "cup", "rocket")]},
    "half": {"right": 50, "picture": "row", "smooth": False, "bend": "nothing"}
    | {"fine": False, "lowpass": "none", "stride": "2", "row": [ROW], "small": SMALL},
    "twins": {"photo": "../images/rocket.jpg", "right": 0}
    | json.loads((figures.EXPLORERS / "twins.json").read_text("utf-8")),
    "network": stored_start("06_repair", "network"),
}


# A page with one explorer


def displayed(monkeypatch, name, **state):
    """What `explore` displays, by kind."""
    shown = []
    monkeypatch.setattr(
        IPython.display, "display", lambda data, raw: shown.append(data)
    )
    figures.explore(name, **state)
    return shown[0]


@pytest.fixture
def explorer(browser, monkeypatch, tmp_path):  # noqa: F811
    """Open an explorer on a page of its own, and list what goes wrong there."""
    context = browser.new_context(viewport={"width": 800, "height": 900})
    page, faults = context.new_page(), []
    page.on("pageerror", lambda error: faults.append(str(error)))

    def open_explorer(name, **changes):
        shown = displayed(monkeypatch, name, **STATES[name] | changes)["text/html"]
        path = tmp_path / "page.html"
        path.write_text(f"<!doctype html><meta charset=utf-8>{shown}", "utf-8")
        page.goto(path.as_uri())
        page.locator("[data-state]").wait_for()
        return page.locator(".explorer")

    yield open_explorer
    context.close()
    assert faults == []


def state(explorer):
    """What a reader sees, after the next frame."""
    return explorer.evaluate("root => root.explorer.said()")


SET = """(root, states) => states.map(values => {
    for (const [name, value] of Object.entries(values)) {
        const label = [...root.querySelectorAll('label')].find(
            e => e.firstChild.data === name || e.lastChild.data === name);
        const input = label?.querySelector('input, select')
            ?? root.querySelector(`[aria-label="${name}"]`);
        if (input.type === 'checkbox') {
            if (input.checked !== value) input.click();
            continue;
        }
        if (input.value === String(value)) continue;
        input.value = value;
        for (const kind of ['input', 'change']) input.dispatchEvent(new Event(kind));
    }
    return root.explorer.said();
})"""


def set_all(explorer, states):
    """Set the controls, by label, to one state after the other; return what it says."""
    return explorer.evaluate(SET, states)


def walk(explorer, rows=10, columns=10):
    """Press arrow keys until each place of a grid has been met, from [0, 0] on."""
    canvas = explorer.locator("canvas[tabindex]")
    for key in ["Shift+ArrowUp", "Shift+ArrowLeft"]:
        canvas.press(key)
    yield state(explorer)
    for row in range(rows):
        for _ in range(columns - 1):
            canvas.press("ArrowLeft" if row % 2 else "ArrowRight")
            yield state(explorer)
        if row < rows - 1:
            canvas.press("ArrowDown")
            yield state(explorer)


def lone_pixel(row, column, side=10):
    image = np.zeros((side, side))
    image[row, column] = 1
    return image


def test_photos():
    """The PNGs hold exactly the pixels of the photo."""
    sizes = {"rocket": PHOTO, "rocket_half": HALF, "rocket_quarter": QUARTER}
    for name, expected in sizes.items():
        path = figures.EXPLORERS / f"{name}.png"
        assert np.array_equal(cv2.imread(str(path), cv2.IMREAD_UNCHANGED), expected)


def test_step(explorer):
    start, visited = lone_pixel(2, 2), set()
    for said in walk(explorer("step")):
        visited.add(tuple(said["pixel"]))
        image = lone_pixel(*said["pixel"])
        assert said["distance"] == f"{np.linalg.norm(image - start):.2f}"
        assert said["response"] == np.sum(image * start)
    assert len(visited) == 100
    assert (said["visited"], said["fired"]) == (100, 1)


def test_drift(explorer):
    moves = random.integers([-213, -320], [214, 320], (200, 2)).tolist()
    moves += [[0, 1], [1, 0], [0, 0], [-213, -320], [213, 319]]
    start = PHOTO - PHOTO.mean()
    start /= np.linalg.norm(start)
    said = set_all(explorer("drift"), [{"down": d, "right": r} for d, r in moves])
    for (down, right), each in zip(moves, said, strict=True):
        far = np.linalg.norm(translate(start, down, right, wrap=True) - start)
        assert (each["down"], each["right"]) == (down, right)
        assert each["distance"] == f"{far:.2f}"


def both_ways(down, right, border, stride, filter):
    """The number of places that differ, of those inside, and the error."""
    wrap = border != "zeros"
    margin, mode = int(border != "wrap"), "constant" if border == "zeros" else "wrap"

    def layer(image):
        padded = np.pad(image, margin, mode=mode)
        return convolve(padded, filter, visualize=False)[::stride, ::stride]

    shift_then_convolve, still = layer(translate(HALF, down, right, wrap)), layer(HALF)
    guesses = [
        translate(still, rows, columns, wrap)
        for rows in (down // stride, -(-down // stride))
        for columns in (right // stride, -(-right // stride))
    ]
    errors = [relative_change(guess, shift_then_convolve) for guess in guesses]
    differs = shift_then_convolve != guesses[np.argmin(errors)]
    frame = -(-max(abs(down), abs(right)) // stride) + 1
    inside = differs[frame:-frame, frame:-frame].sum()
    return {"places": differs.sum(), "inside": inside, "error": f"{min(errors):.3f}"}


# A change redraws: what takes longest to set is set in the outermost loop.


def test_square(explorer):
    states, expected = [], []
    for weights in [PREWITT, *random.integers(-9, 10, (3, 3, 3))]:
        typed = {
            f"weight in row {i}, column {j}": int(weight)
            for (i, j), weight in np.ndenumerate(weights)
        }
        for border, stride in itertools.product(["zeros", "wrap", "circular"], (1, 2)):
            for down, right in random.integers(-20, 21, (8, 2)).tolist():
                controls = {"border": border, "stride": str(stride)}
                states.append(typed | controls | {"down": down, "right": right})
                expected.append(both_ways(down, right, border, stride, weights))
    said = set_all(explorer("square"), states)
    for set_to, each, wanted in zip(states, said, expected, strict=True):
        assert {key: each[key] for key in wanted} == wanted, set_to
    # What the notebook says of it: exact inside, and everywhere with circular padding.
    for each in said:
        even = each["stride"] == 1 or not (each["down"] % 2 or each["right"] % 2)
        if even:
            assert each["inside"] == 0
            assert each["places"] == 0 or each["border"] != "circular"


def strong_edges(photo, filter, result):
    """The edges of the photo, with each of the three mirrored or not."""
    image = PHOTO[:, ::-1] if photo else PHOTO
    weights = np.array(PREWITT)[:, ::-1] if filter else np.array(PREWITT)
    strong = convolve(image, weights, visualize=False) > 50
    return strong[:, ::-1] if result else strong


def test_mirror(explorer):
    names = ["mirror the photo", "mirror the filter", "mirror the result back"]
    states, expected, strong = [], [], strong_edges(False, False, False)
    for switches in itertools.product([False, True], repeat=3):
        other = strong_edges(*switches)
        for down, right in [(0, 0), (0, -3), *random.integers(-20, 21, (10, 2))]:
            move = {"blue: down": int(down), "right": int(right)}
            states.append(dict(zip(names, switches, strict=True)) | move)
            both = (strong & translate(other, down, right)).sum()
            expected.append([strong.sum(), other.sum(), both])
    said = set_all(explorer("mirror"), states)
    for set_to, each, wanted in zip(states, said, expected, strict=True):
        assert [each["first"], each["second"], each["both"]] == wanted, set_to
    # What the notebook says of it: mirrored in place, 3 left, and the filter, too.
    assert [said[place]["both"] for place in (60, 61, 84)] == [0, 3659, 7976]


def average_pool(image):
    height, width = image.shape[0] // 2, image.shape[1] // 2
    cells = image[: 2 * height, : 2 * width].reshape(height, 2, width, 2)
    return cells.mean(axis=(1, 3))


def blurred_max_pool(image):
    for axis in (0, 1):
        image = np.maximum(image, np.roll(image, -1, axis))
    for axis in (0, 1):
        image = (np.roll(image, 1, axis) + 2 * image + np.roll(image, -1, axis)) / 4
    return image[::2, ::2]


POOLINGS = {"max": max_pool, "average": average_pool, "blurred": blurred_max_pool}


@pytest.mark.parametrize("kind", POOLINGS)
def test_pool(explorer, kind):
    visited, depth = set(), 4 if kind == "blurred" else 3
    for said in walk(explorer("pool", pooling=kind, pixels=[[2, 2]])):
        visited.add(tuple(said["lit"][0]))
        image = lone_pixel(*said["lit"][0])
        assert len(said["maps"]) == depth + 1
        for values in said["maps"]:
            assert values == image.ravel().tolist()
            image = POOLINGS[kind](image) if image.size > 1 else image
    assert len(visited) == 100


def test_pool_a_drawing(explorer):
    pool = explorer("pool", move="drawing")
    canvas = pool.locator("canvas[tabindex]")
    cell = (canvas.bounding_box()["width"] - 19) / 10
    for row, column in [(1, 2), (3, 4), (8, 9), (3, 4)]:  # the last one erases
        place = {"x": 16 + (column + 0.5) * cell, "y": 16 + (row + 0.5) * cell}
        canvas.click(position=place)
    assert state(pool)["lit"] == [[1, 2], [8, 9]]
    pool.get_by_label("move right").click()
    assert state(pool)["lit"] == [[1, 3]]
    canvas.press("ArrowLeft")  # what left the grid is back
    assert state(pool)["lit"] == [[1, 2], [8, 9]]


def test_rocket(explorer):
    padded = np.pad(PHOTO[:384], 1, mode="wrap")
    edges = convolve(padded, PREWITT, visualize=False)
    maps = []
    for right in range(193):
        image = translate(edges, right=right, wrap=True)
        for _ in range(6):
            image = max_pool(image)
        maps.append(image)
    said = set_all(explorer("rocket"), [{"right": right} for right in range(193)])
    for right, each in enumerate(said):
        assert each["map"] == maps[right].ravel().tolist()
        assert each["change"] == f"{relative_change(maps[0], maps[right]):.2f}"
        cells = int(np.floor(right / 64 + 0.5))
        moved = translate(maps[0], right=cells, wrap=True)
        assert each["follows"] == f"{relative_change(moved, maps[right]):.2f}"


def test_window(explorer):
    window, states = STATES["window"], []
    for shown in ("0", "1", "2"):
        states += [{"photo": shown, "right": right} for right in range(-65, 66)]
    said = set_all(explorer("window"), states)
    for set_to, each in zip(states, said, strict=True):
        photo, right = window["photos"][int(set_to["photo"])], set_to["right"]
        # View 100 is the middle; a window that goes right sees the photo go left.
        views = photo["answers"][100 - right]
        assert each["top"] == [[window["names"][n], share] for n, share in views]
        assert each["comb"] == f"{photo['comb'][abs(right)]:.2f}"


GO = """(root, states) => states.map(values => {
    root.explorer.set(values);
    return root.explorer.said();
})"""


def test_twins(explorer):
    start = STATES["twins"]
    truth = start["names"].index(start["truth"])
    shares = [dict(answer)[truth] for answer in start["answers"]]
    rights = [*range(-37, 163), *random.integers(-37, 163, 100).tolist()]
    shown = explorer("twins")
    said = shown.evaluate(GO, [{"right": right} for right in rights])
    before = 0
    for right, each in zip(rights, said, strict=True):
        assert each["share"] == shares[37 + right]
        answer = start["answers"][37 + right][:3]
        assert each["top"] == [[start["names"][name], share] for name, share in answer]
        if right != before:
            assert each["was"] == shares[37 + before]
        before = right


def test_twins_at_first_sight(explorer):
    """One press, and what lesson 5 prints stands there, large; it ends at the ends."""
    shown = explorer("twins")
    assert shown.locator(".sure b").inner_text() == "21%"
    shown.get_by_role("button", name="one pixel right").click()
    assert state(shown)["right"] == 1
    assert shown.locator(".sure").inner_text().split() == (
        ["missile", "48%", "before", "this", "move:", "21%"]
    )
    assert "from 21% to 48%: more than twice" in shown.locator(".reading").inner_text()
    for end in (-37, 162):
        said = shown.evaluate(GO, [{"right": 10 * end}])
        assert said[0]["right"] == end


@functools.cache
def lesson_7():
    """The functions of the lesson that moves by fractions, as it defines them."""
    names = ["fractional", "low_pass", "fractional_error", "every_second", "blur"]
    names += ["resampling", "resize", "finely", "on_fine_grid"]
    torch = pytest.importorskip("torch")
    scope = {"np": np, "torch": torch, "cache": functools.cache}
    scope["relative_change"] = relative_change
    path = ROOT / "notebooks" / "07_between_pixels.ipynb"
    for cell in checks.code_cells(nbformat.read(path, as_version=4)):
        for node in ast.parse(cell.source).body:
            if isinstance(node, ast.FunctionDef) and node.name in names:
                exec(ast.unparse(node), scope)
    return SimpleNamespace(**{name: scope[name] for name in names})


def both_ways_between(state):
    """What the lesson's functions find in a state: both ways, and their distance."""
    torch, lesson = pytest.importorskip("torch"), lesson_7()
    image = np.array([ROW] if state["picture"] == "row" else SMALL, float)
    image = lesson.low_pass(image - image.mean(), 1 / 2)
    if state["smooth"]:
        image = lesson.low_pass(image, 1 / 4)
    bend = {
        "nothing": lambda x: x,
        "relu": lambda x: torch.clamp(x, min=0),
        "square": torch.square,
    }[state["bend"]]
    stride = int(state["stride"])

    def layer(image):
        if state["fine"]:
            after = lesson.on_fine_grid(bend)(image)
        else:
            after = bend(torch.tensor(image)).numpy()
        if state["lowpass"] != "none":
            ideal = state["lowpass"] == "ideal"
            after = lesson.low_pass(after, 1 / 4) if ideal else lesson.blur(after)
        return lesson.every_second(after) if stride == 2 else after

    right = state["right"] / 100
    ways = [
        layer(lesson.fractional(image, 0, right)),
        lesson.fractional(layer(image), 0, right / stride),
    ]
    return ways, lesson.fractional_error(layer, image, right, stride)


@pytest.fixture
def double():
    """Lesson 7 computes with float64 throughout."""
    torch = pytest.importorskip("torch")
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


def test_half(explorer, double):
    """In each kind of layer, at moves of all sizes, as lesson 7 computes it."""
    kinds = itertools.product(
        ["row", "small"],
        [False, True],
        ["nothing", "relu", "square"],
        [False, True],
        ["none", "blur", "ideal"],
        ["1", "2"],
    )
    names = ["picture", "smooth", "bend", "fine", "lowpass", "stride"]
    states = [
        dict(zip(names, kind, strict=True)) | {"right": int(right)}
        for kind in kinds
        for right in (50, random.integers(-200, 201))
    ]
    said = explorer("half").evaluate(GO, states)
    exact = 0
    for set_to, each in zip(states, said, strict=True):
        ways, error = both_ways_between(set_to)
        assert each["error"] == pytest.approx(error, abs=1e-9), set_to
        exact += error < 1e-12 and set_to["right"] % 100 > 0
        if set_to["picture"] == "row":
            for way, expected in zip(each["ways"], ways, strict=True):
                np.testing.assert_allclose(way, expected.ravel(), atol=1e-9)
    assert exact > 50  # states in which both ways meet between the pixels


def test_half_says_what_to_try(explorer):
    """Followed, its advice leads from what folds to what meets wherever it is moved."""
    path = {
        "Blur first": {},
        "Try the ideal": {"lowpass": "blur"},
        "bend the curve: ReLU": {"lowpass": "ideal"},
        "Try twice the grid": {"bend": "relu"},
        "Try 0.30": {"fine": True},
        "Try the square": {"right": 30},
        "both ways meet wherever": {"bend": "square"},
    }
    shown = explorer("half")
    shown.evaluate(GO, [{"bend": "relu"}])  # of two faults, the larger one first
    assert "The stride folds" in shown.locator(".reading").inner_text()
    shown.evaluate(GO, [{"bend": "nothing"}])
    boxes = "root => [...root.querySelectorAll('[type=checkbox]')].map(x => x.disabled)"
    assert shown.evaluate(boxes) == [False, True]  # on twice the grid
    for words, change in path.items():
        (said,) = shown.evaluate(GO, [change])
        text = shown.locator(".reading").inner_text()
        apart = f"are {said['error']:.3f} of their size apart"
        assert (apart if said["error"] > 1e-9 else "The two ways meet") in text
        assert words in text
    assert said["error"] < 1e-9


# Networks of notebook 6


NETWORKS = STATES["network"]["networks"]


def kind_of(network):
    return {key: network[key] for key in ("way", "padding", "moved")}


@pytest.fixture(scope="module")
def six():
    """The functions and classes of notebook 6, of which no cell has been run."""
    torch = pytest.importorskip("torch")
    from shifts import layers

    known = {"torch": torch, "nn": torch.nn, "F": torch.nn.functional, "layers": layers}
    known["choose"] = layers.choose
    notebook = nbformat.read(ROOT / "notebooks/06_repair.ipynb", 4)
    for cell in checks.code_cells(notebook):
        for part in ast.parse(cell.source).body:
            if isinstance(part, ast.FunctionDef | ast.ClassDef):
                exec(ast.unparse(part), known)
    return SimpleNamespace(**known)


def keep_every_second(x):
    return x[..., ::2, ::2]


def mean_of_four(x):
    return sum(x.roll((-i, -j), (2, 3)) for i, j in np.ndindex(2, 2)) / 4


def ways_down(six):
    """Of each way down the function of the notebook, and the layers that it is."""
    most, blur, choice = six.dense_max, six.blur_121, six.layers.polyphase
    return {
        "max pooling": (six.max_pooling, [most, keep_every_second]),
        "average pooling": (six.average_pooling, [mean_of_four, keep_every_second]),
        "blurred": (six.blurred_pooling, [most, blur, keep_every_second]),
        "polyphase": (six.polyphase_pooling, [most, choice]),
        "blurred, then polyphase": (six.blurred_polyphase, [most, blur, choice]),
    }


def rebuilt(six, network):
    """Return the network that the notebook trained, and all its layers but the last."""
    down, parts = ways_down(six)[network["way"]]
    model = six.network(down, network["padding"])
    numbers = np.frombuffer(base64.b64decode(network["weights"]), "<f4")
    sizes = [v for v in model.state_dict().values() if v.is_floating_point()]
    ends = np.cumsum([value.numel() for value in sizes])
    assert ends[-1] == len(numbers)
    for value, part in zip(sizes, np.split(numbers, ends[:-1]), strict=True):
        value.copy_(six.torch.tensor(part).view(value.shape))
    model.eval()
    chain = [layer for k in (0, 4, 8) for layer in (model[k : k + 3], *parts)]
    return model, chain


def image_of(six, picture):
    canvas = np.pad(np.array(picture) / 16, 4)
    return six.torch.tensor(canvas, dtype=six.torch.float64)[None, None]


def best_fit(after, still, move):
    """The misfit of two maps at the best move of the second, and that move."""
    side, places = still.shape[-1], np.arange(still[0, 0].numel())
    near = np.floor(np.array(move) * side / 16).astype(int)
    tries = [near + divmod(n, side) for n in range(1 if side == 16 else side**2)]
    rows, columns = np.divmod(places, side)
    sources = [(rows - i) % side * side + (columns - j) % side for i, j in tries]
    a, b = (maps.numpy().reshape(-1, side * side) for maps in (after, still))
    off = np.square(a[:, None] - b[:, sources]).sum((0, 2))
    least = 0  # the first, if others are as good up to rounding
    for place, each in enumerate(off):
        least = place if each < off[least] * (1 - 1e-9) else least
    fit = b[:, sources[least]]
    return relative_change(fit, a), tries[least]


def square_at_each_layer(chain, image, move):
    over, before, by = image.roll(move, (2, 3)), image, move
    for layer in chain:
        still, over = layer(before), layer(over)
        added, _ = best_fit(layer(before.roll(tuple(by), (2, 3))), still, move)
        error, by = best_fit(over, still, move)
        before = still
        yield error, added


@pytest.mark.parametrize("number", range(len(NETWORKS)))
def test_network(explorer, six, number):
    """Every number of a state is Python's: logits, probabilities, layer errors."""
    digits, network = STATES["network"]["digits"], NETWORKS[number]
    model, chain = rebuilt(six, network)
    draws = np.random.default_rng(number)
    own = draws.integers(0, 17, (8, 8)).tolist()
    states = [
        {"digit": str(draws.integers(len(digits))), "down": int(i), "right": int(j)}
        for i, j in draws.integers(-8, 8, (24, 2))
    ]
    states += [{"digit": "0", "down": 0, "right": step} for step in (0, 1, 2, 4, 7)]
    states += [{"digit": "own", "drawing": own, "down": 1, "right": -2}]
    said = explorer("network").evaluate(GO, [s | kind_of(network) for s in states])
    for state, each in zip(states, said, strict=True):
        move = (state["down"], state["right"])
        place = state["digit"]
        picture = own if place == "own" else digits[int(place)]["picture"]
        image = image_of(six, picture)
        with six.torch.inference_mode():
            as_trained = model.float()(image.roll(move, (2, 3)).float())[0].double()
            logits = model.double()(image.roll(move, (2, 3)))[0]
            wanted = list(square_at_each_layer(chain, image, move))
        assert each["logits"] == pytest.approx(as_trained.tolist(), abs=1e-5)
        assert each["logits"] == pytest.approx(logits.tolist(), abs=1e-9)
        shares = logits.softmax(0).tolist()
        assert each["probabilities"] == pytest.approx(shares, abs=1e-9)
        assert each["read"] == logits.argmax()
        found = [(layer["error"], layer["added"]) for layer in each["layers"]]
        assert np.array(found) == pytest.approx(np.array(wanted), abs=1e-9), state


FILLED = "root => root.explorer.said().tried === 256"


@pytest.mark.parametrize("number", range(len(NETWORKS)))
def test_network_in_all_places(explorer, six, number):
    network = NETWORKS[number]
    digit = number % len(STATES["network"]["digits"])
    shown = explorer("network", **kind_of(network), digit=str(digit), all=True)
    shown.page.wait_for_function(FILLED, arg=shown.element_handle())
    said, stored = state(shown), STATES["network"]["digits"][digit]
    image = image_of(six, stored["picture"])
    moves = [(down - 8, right - 8) for down, right in np.ndindex(16, 16)]
    views = six.torch.cat([image.roll(move, (2, 3)) for move in moves])
    with six.torch.inference_mode():
        wanted = rebuilt(six, network)[0].double()(views).argmax(1)
    assert said["places"] == wanted.tolist()
    assert said["total"] == (wanted == stored["label"]).sum()


def test_network_says_what_the_lesson_says(explorer):
    """A move by 1, 2 or 4 opens the square at stride 1, 2 or 3; one by 8, nowhere."""
    shown = explorer("network")
    said = shown.evaluate(GO, [{"right": right} for right in range(16)])
    sure = [each["probabilities"][0] for each in said]
    notebook = nbformat.read(ROOT / "notebooks/06_repair.ipynb", 4)
    [cell] = [cell for cell in notebook.cells if cell.get("id") == "digit-moved"]
    printed = cell.outputs[0].text
    assert f"{sure[0]:.0%} sure, at the lowest {min(sure):.0%}" in printed
    for right, each in enumerate(said):
        opened = [layer for layer in each["layers"] if layer["error"] > 1e-9]
        if right % 8 == 0:
            assert opened == [] and sure[right] == pytest.approx(sure[0], abs=1e-9)
            continue
        stage = (right & -right).bit_length()
        assert (opened[0]["stage"], opened[0]["name"]) == (stage, "keep every 2nd")
        # What comes after it is inherited, until the next stride adds to it.
        own = [layer["name"] for layer in each["layers"] if layer["added"] > 1e-9]
        assert set(own) == {"keep every 2nd"}
    moves = [{"way": "polyphase", "down": d, "right": r} for d, r in np.ndindex(16, 16)]
    for each in shown.evaluate(GO, moves):
        assert all(layer["error"] < 1e-9 for layer in each["layers"])
        assert each["read"] == 0


def test_network_breaks_ties_by_content(explorer):
    """Two components of one norm, mirror images: the same one wherever they stand."""
    first, *others = [(1, 8), (8, 16), (16, 32)]
    parts = []
    for ins, outs in (first, *others):
        filters = np.zeros((outs, ins, 3, 3))
        filters[:, 0, 1, 1] = 1  # each map is the picture
        parts += [filters, *np.array([1, 0, 0, 1])[:, None] * np.ones(outs)]
    parts += [np.ones((10, 32)), np.zeros(10)]
    numbers = np.concatenate([np.ravel(part) for part in parts]).astype("<f4")
    weights = base64.b64encode(numbers).decode()
    kind = {"way": "polyphase", "padding": "circular", "moved": False}
    tied = np.zeros((8, 8), int)
    tied[3] = [1, 3, 2, 9, 2, 3, 1, 0]
    shown = explorer(
        "network",
        **kind,
        networks=[kind | {"weights": weights}],
        digit="own",
        drawing=tied.tolist(),
    )
    for each in shown.evaluate(GO, [{"right": right} for right in range(16)]):
        assert all(layer["error"] < 1e-9 for layer in each["layers"])


def test_network_not_trained(explorer):
    """Only networks of the notebook can be chosen, and it says so if one is not."""
    shown = explorer("network")
    choices = shown.locator("select")
    for network in NETWORKS:
        shown.evaluate(GO, [kind_of(network)])
        for place, key in enumerate(("way", "padding"), start=1):
            for option in choices.nth(place).locator("option").all():
                other = kind_of(network) | {key: option.get_attribute("value")}
                trained = other in [kind_of(each) for each in NETWORKS]
                assert option.is_enabled() == trained
        other = kind_of(network) | {"moved": not network["moved"]}
        trained = other in [kind_of(each) for each in NETWORKS]
        assert shown.get_by_label("trained on moved").is_enabled() == trained
    set_to = {"way": "average pooling", "padding": "circular", "moved": False}
    assert shown.evaluate(GO, [set_to])[0]["read"] is None
    assert "trains no such network" in shown.locator(".reading").inner_text()
    assert shown.evaluate(GO, [{"padding": "zeros"}])[0]["read"] is not None


def test_network_reads_a_drawing(explorer):
    """A level counts the dots with ink, of 4×4, as in scikit-learn's digits."""
    shown = explorer("network", digit="own")
    sheet = shown.locator("canvas.pen")
    scale = sheet.evaluate("canvas => canvas.clientWidth") / 32
    for x, y in [(16, 16), (5, 9)]:
        sheet.click(position={"x": x * scale, "y": y * scale})
    dots = np.indices((32, 32)) + 0.5
    ink = np.zeros((32, 32), bool)
    for x, y in [(16, 16), (5, 9)]:
        ink |= np.hypot(dots[0] - y, dots[1] - x) <= 2
    drawing = shown.evaluate("root => root.explorer.get().drawing")
    assert drawing == ink.reshape(8, 4, 8, 4).sum((1, 3)).tolist()
    shown.get_by_label("clear the drawing").click()
    assert np.sum(shown.evaluate("root => root.explorer.get().drawing")) == 0
    with pytest.raises(Exception, match="8 rows of 8 levels from 0 to 16, got"):
        shown.evaluate("root => root.explorer.set({drawing: [[17]]})")


@pytest.mark.parametrize("name", STATES)
def test_drag(explorer, name):
    """A pointer moves what an arrow key moves; Home brings it back."""
    shown = explorer(name)
    canvas = shown.locator("canvas[tabindex]")
    start = state(shown)
    box = canvas.bounding_box()
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    mouse = shown.page.mouse
    mouse.move(*middle)
    mouse.down()
    mouse.move(middle[0] + box["width"] / 5, middle[1], steps=5)
    mouse.up()
    assert state(shown) != start
    text = canvas.get_attribute("aria-valuetext")
    assert text and shown.locator(".reading").inner_text()
    canvas.press("Home")
    assert state(shown)  # drawn
    places = [k for k in ("pixel", "down", "right", "lit") if k in start]
    assert [state(shown)[k] for k in places] == [start[k] for k in places]
    canvas.press("x")  # any other key is left alone
    assert canvas.get_attribute("aria-valuetext") != text


# In notebooks, as stored

SCRIPTS = [str(path) for path in sorted(ROOT.glob("handout/*.js"))]


@pytest.mark.parametrize("command", [["oxlint"], ["oxfmt", "--check"]])
def test_style_of_the_modules(command):
    tool = shutil.which(command[0], path=os.path.dirname(sys.executable))
    if not tool:
        pytest.skip(f"{command[0]} is not installed")
    command = [tool, *command[1:], *map(str, figures.EXPLORERS.glob("*.js")), *SCRIPTS]
    report = subprocess.run(command, capture_output=True, text=True)
    assert report.returncode == 0, report.stdout + report.stderr


def test_output(monkeypatch):
    shown = displayed(monkeypatch, "step", pixel=[2, 2], side=10)
    assert shown["text/plain"] == "explore('step')"
    assert "once you run the cell" in shown["text/html"]
    assert shown == displayed(monkeypatch, "step", pixel=[2, 2], side=10)


def test_no_such_explorer():
    with pytest.raises(ValueError, match="one of drift, .*, got 'pixels'"):
        figures.explore("pixels")
    with pytest.raises(FileNotFoundError, match=r"none\.png"):
        figures.explore("drift", "none.png")


@pytest.mark.parametrize("path", WITH, ids=lambda path: path.stem)
def test_a_figure_stands_above(path):
    """Where no script runs, a figure with alternative text stands for the explorer."""
    for cell in checks.code_cells(nbformat.read(path, as_version=4)):
        kinds = [set(output.get("data", {})) for output in cell.outputs]
        if any("data-explorer" in str(output) for output in cell.outputs):
            kinds = [sorted(kind)[0] for kind in kinds]
            assert kinds == ["image/png", "text/html", "text/html"]  # its words, too
            assert cell.outputs[0].metadata["image/png"]["alt"].endswith(".")


def test_none_in_print():
    lesson = build.lessons_in(ROOT / "notebooks")[0]
    node, _ = paper.process(lesson, *paper.CHANGES)
    cells = [c for c in node.cells if "data-explorer" in str(c.get("outputs"))]
    assert cells
    for cell in cells:
        parts = paper.code(cell)
        assert len(parts) == 1 and "#drawn(" in parts[0] and "more: false" in parts[0]
    # Its script is no evidence for a number of the text.
    texts = [checks._text(output) for output in cells[0].outputs]
    assert "getContext" not in "".join(texts)


# In JupyterLab


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """JupyterLab, on a copy of the checkout."""
    copy = tmp_path_factory.mktemp("lab") / "copy"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".*", "build", "tests"))
    with jupyterlab(copy, tmp_path_factory.mktemp("settings")) as address:
        yield address


OPEN = """async path => {
    await jupyterapp.restored;
    const panel = await jupyterapp.commands.execute(
        'docmanager:open', {path, factory: 'Notebook'});
    await panel.context.ready;
    await panel.sessionContext.ready;
}"""
ERRORS = """() => jupyterapp.shell.currentWidget.content.widgets.flatMap(
    cell => (cell.model.sharedModel.outputs ?? []).filter(
        output => output.output_type == 'error').map(output => output.evalue))"""
STILL = """e => [...e.closest('.jp-OutputArea, .cell_output').querySelectorAll('img')
    ].filter(picture => picture.checkVisibility()).length"""
EDITED = """() => jupyterapp.shell.currentWidget.content.widgets.map(
    cell => cell.model.sharedModel.source)"""


def open_notebook(page, address, name):
    page.goto(f"{address}/lab?reset")
    page.wait_for_function("() => window.jupyterapp?.shell", timeout=60_000)
    page.evaluate(OPEN, f"notebooks/{name}.ipynb")


def run(page, command):
    page.evaluate(f"jupyterapp.commands.execute('{command}')")


def live(page, path):
    """The explorers of a notebook, once they are all alive."""
    names = path.read_text("utf-8").count("<div data-explorer=")
    alive = page.locator(".explorer[data-state]")
    for place in range(names):
        alive.nth(place).wait_for(state="attached", timeout=60_000)
    return alive.all()


@pytest.mark.weekly
@pytest.mark.parametrize("path", WITH, ids=lambda path: path.stem)
def test_lab(lab, browser, path):  # noqa: F811
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page, faults = context.new_page(), []
    page.set_default_timeout(600_000)
    page.on("pageerror", lambda error: faults.append(str(error)))
    open_notebook(page, lab, path.stem)
    if path.stem in LONG:
        page.evaluate(
            "jupyterapp.shell.currentWidget.content.model.cells"
            " && [...jupyterapp.shell.currentWidget.content.model.cells].forEach("
            "cell => cell.trusted = true)"
        )
    else:
        run(page, "notebook:run-all-cells")
        assert page.evaluate(ERRORS) == []
    sources = page.evaluate(EDITED)
    for explorer in live(page, path):
        canvas = explorer.locator("canvas[tabindex]")
        before = canvas.get_attribute("aria-valuetext")
        for key in ["b", "ArrowRight", "d", "d", "a"]:  # Lab's own, but for one
            canvas.press(key)
        assert canvas.get_attribute("aria-valuetext") != before
        assert explorer.evaluate(STILL) == 0
    assert page.evaluate(EDITED) == sources
    # Saved, and opened again with another kernel: not run, and still alive.
    run(page, "docmanager:save")
    run(page, "kernelmenu:shutdown")
    open_notebook(page, lab, path.stem)
    for explorer in live(page, path):
        canvas = explorer.locator("canvas[tabindex]")
        before = canvas.get_attribute("aria-valuetext")
        canvas.press("ArrowRight")
        assert canvas.get_attribute("aria-valuetext") != before
    assert faults == []
    context.close()


# On the site


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    lessons = build.lessons_in(ROOT / "notebooks")
    copy = folder / "copy.zip"
    copy.write_bytes(b"")
    web.make(lessons, lessons, [copy], folder / "html", folder / "stage")
    return folder / "html"


@pytest.mark.weekly
@pytest.mark.parametrize("path", WITH, ids=lambda path: path.stem)
def test_site(site, view, path):  # noqa: F811
    """From a file and without a network: alive, readable by all, and not too large."""
    page = site / "notebooks" / f"{path.stem}.html"
    load(view, page)
    explorers = live(view, path)
    for explorer in explorers:
        canvas = explorer.locator("canvas[tabindex]")
        before = canvas.get_attribute("aria-valuetext")
        canvas.press("ArrowRight")
        assert canvas.get_attribute("aria-valuetext") != before
        assert explorer.evaluate(STILL) == 0
        box = explorer.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= view.viewport_size["width"]
        weights = explorer.locator("fieldset input").all()
        heights = [weight.bounding_box()["y"] for weight in weights]
        assert [heights.count(height) for height in heights] == [3] * len(weights)
    assert faults_of_page(view) == []
    pictures = view.evaluate(
        "() => [...document.images].map(e => e.src).filter(e => e.startsWith('file'))"
    )
    files = {page, *(page.parent / p.removeprefix("file://") for p in pictures)}
    assert sum(file.stat().st_size for file in files) < 2e6
