"""The site's first page, an essay in the reader's hands; a page for each explorer.

Each number of the essay is read from the cell that prints it, when the page is made.
"""

import base64
import html
import json
import re
import shutil
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import typst
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from nbformat import NotebookNode

from .lesson import EVIDENCE, HERE, LEAD, ROOT, TITLE, Lesson, solved

MODULES = ROOT / "explore"
# In the order in which they are read. Each is a macro of scenes.html.
SCENES = ["twins", "step", "square", "mirror", "pool", "rocket", "comb", "network"]
STORED = re.compile(r'data-explorer="(\w+)"[^>]*? data-start="([^"]*)"')
SITE = re.compile(r"(?m)^\[site\]: (\S+)$")
IMPORT = re.compile(r'(?s)import \{(.*?)\} from "\./(\w+)\.js";')
EXPORT = re.compile(r"(?m)^export (?=(?:async )?(?:function|const|class) (\w+))")


class MissingError(ValueError):
    """A notebook does not hold what a scene shows of it."""


@dataclass
class Explorer:
    """A figure to move: where it is stored, and how it starts."""

    name: str
    lesson: Lesson
    cell: NotebookNode
    start: dict[str, Any]

    @property
    def where(self) -> str:
        """The cell, as the templates name it."""
        return f"{self.lesson.name}/{self.cell.id}"


def make(lessons: list[Lesson], site: Path, copy: str) -> None:
    """Write the first page into a site that has all others, and what it loads."""
    folder = site / "explore"
    folder.mkdir()
    found = explorers(lessons)
    folder.joinpath("explorers.js").write_text(bundle(), "utf-8")
    for name in ["front.js", "explorer.js"]:
        shutil.copyfile(HERE / name, folder / name)
    shutil.copyfile(ROOT / "CITATION.cff", site / "CITATION.cff")
    address = SITE.search(ROOT.joinpath("README.md").read_text("utf-8"))
    words = {
        "title": TITLE,
        "lead": LEAD,
        "site": address[1] if address else "",
        "css": HERE.joinpath("front.css").read_text("utf-8"),
        "lessons": {lesson.name: lesson for lesson in lessons},
        "explorers": found,
        "number": partial(number, lessons),
        "still": partial(still, lessons, folder),
        "write_start": partial(write_start, folder=folder),
    }
    pages = templates()
    for name, explorer in found.items():
        write_start(explorer, folder)
        page = pages.get_template("explorer.html").render(words, explorer=explorer)
        folder.joinpath(f"{name}.html").write_text(page, "utf-8")
    page = pages.get_template("front.html").render(
        words,
        scenes=scenes(pages, words),
        series=[lesson for lesson in lessons if not lesson.folder],
        evidence=[lesson for lesson in lessons if lesson.folder == f"{EVIDENCE}/"],
        copy=copy,
        solved=solved(lessons),
        photo=site.joinpath("photo.html").exists(),
    )
    site.joinpath("index.html").write_text(page, "utf-8")
    site.joinpath("preview.png").write_bytes(preview(words))


def templates() -> Environment:
    """Return what makes pages of the templates in this folder."""
    return Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def scenes(pages: Environment, words: dict[str, Any]) -> dict[str, str]:
    """Return the scenes, by name, whose notebooks hold what they show."""
    macros = pages.get_template("scenes.html").make_module(words)
    made = {}
    for name in SCENES:
        try:
            made[name] = getattr(macros, name)()
        except MissingError as error:
            print(f"The first page goes without {name}: {error}", file=sys.stderr)
    return made


def explorers(lessons: list[Lesson]) -> dict[str, Explorer]:
    """Return the explorers that the notebooks store, each as it is met first."""
    found: dict[str, Explorer] = {}
    for lesson in lessons:
        for cell in lesson.node.cells:
            for output in cell.get("outputs", []):
                text = output.get("data", {}).get("text/html", "")
                if stored := STORED.search(text):
                    start = json.loads(html.unescape(stored[2]))
                    new = Explorer(stored[1], lesson, cell, start)
                    found.setdefault(stored[1], new)
    return found


def write_start(explorer: Explorer, folder: Path, only: dict | None = None) -> str:
    """Write what an explorer starts with, whole or in part; return the script's name.

    Parameters
    ----------
    explorer : an explorer.
    folder : where the script goes.
    only : by the name of a list in the state, what its members have to have.
    """
    start = dict(explorer.start)
    for key, wanted in (only or {}).items():
        start[key] = [each for each in start[key] if wanted.items() <= each.items()]
    name = f"{explorer.name}_part" if only else explorer.name
    script = f"explorers.starts.{name} = {json.dumps(start)};\n"
    folder.joinpath(f"{name}.js").write_text(script, "utf-8")
    return name


def number(lessons: list[Lesson], cell: str, pattern: str) -> str:
    """Return what a cell prints, or its figure's words say, in a pattern's group.

    Parameters
    ----------
    lessons : the notebooks that there are.
    cell : the name of a notebook and the id of one of its cells, with a / between.
    pattern : a regular expression with one group.

    Raises
    ------
    MissingError : there is no such cell, or it prints nothing of the kind.
    """
    texts = []
    for output in cell_of(lessons, cell).get("outputs", []):
        texts += [output.get("text", ""), output.get("data", {}).get("text/plain", "")]
        texts += [each.get("alt", "") for each in output.get("metadata", {}).values()]
    found = re.search(pattern, "\n".join(texts))
    if not found:
        raise MissingError(f"{cell} prints nothing like {pattern!r}.")
    return found[1]


def cell_of(lessons: list[Lesson], cell: str) -> NotebookNode:
    """Return the cell that is called so: its notebook's name, a /, its id."""
    for lesson in lessons:
        for each in lesson.node.cells:
            if f"{lesson.name}/{each.get('id')}" == cell:
                return each
    raise MissingError(f"there is no cell {cell}.")


def still(lessons: list[Lesson], folder: Path, cell: str) -> dict[str, str]:
    """Write a cell's figure beside the explorers; return its file's name and words."""
    for output in cell_of(lessons, cell).get("outputs", []):
        if picture := output.get("data", {}).get("image/png"):
            path = folder / f"{cell.partition('/')[2]}.png"
            path.write_bytes(base64.b64decode(picture))
            alt = output.get("metadata", {}).get("image/png", {}).get("alt", "")
            return {"file": path.name, "alt": alt}
    raise MissingError(f"{cell} stores no figure.")


def bundle(folder: Path = MODULES) -> str:
    """Return the modules of a folder as one plain script.

    A page that is opened as a file may load a script, but no module. Each module
    becomes a function that returns what it exports. One that exports nothing is an
    explorer: each call mounts it where it has been asked for.
    """
    parts = ["const explorers = { starts: {}, modules: {}, library: {} };"]
    for path in sorted(folder.glob("*.js")):
        code = path.read_text("utf-8")
        exports = ", ".join(EXPORT.findall(code))
        code = EXPORT.sub("", IMPORT.sub(_taken, code))
        end = f"return {{ {exports} }};" if exports else ""
        parts.append(f"explorers.modules.{path.stem} = () => {{\n{code}\n{end}\n}};")
    parts.append(
        "explorers.load = (name) =>\n"
        "  (explorers.library[name] ??= explorers.modules[name]());"
    )
    return "\n".join(parts) + "\n"


def _taken(match: re.Match) -> str:
    names = re.sub(r"(\w+) as (\w+)", r"\1: \2", match[1])
    return f'const {{{names}}} = explorers.load("{match[2]}");'


def preview(words: dict[str, Any]) -> bytes:
    """Return the picture that goes with a link to the page, 1200×630 pixels."""
    inputs = {"title": TITLE, "lead": LEAD}
    try:
        seen = partial(words["number"], "05_real_network/twin-answers")
        inputs |= {"before": seen(r"missile: (\d+%)"), "after": seen(r"pixel: (\d+%)")}
    except MissingError:
        pass  # a series without this notebook: the picture goes without its numbers
    return typst.compile(
        HERE / "preview.typ",
        root=ROOT,
        ignore_system_fonts=True,
        format="png",
        ppi=72.0,
        sys_inputs=inputs,
    )
