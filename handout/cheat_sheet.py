"""The cheat sheet: one page, made of what the notebooks and the glossary hold."""

import base64
import re
import shutil
from pathlib import Path

from nbformat import NotebookNode

from .lesson import GLOSSARY, HERE, TITLE, Lesson
from .paper import print_pages, printed, string, to_typst

# Where its parts come from: the ids of cells, and terms of the glossary.
SQUARE, LAYERS, REMEDIES = "square", "layers-table", "remedies"
TERMS = {
    "terms": ["equivariance", "invariance", "circular move"],
    "errors": ["equivariance error", "invariance error"],
    "causes": ["stride", "aliasing", "zero padding", "global pooling"],
    "measure": ["shift consistency", "null"],
}
LINK = re.compile(r"\[([^\]]+)\]\([^)]*\)")  # of no use on a page that stands alone


def make(lessons: list[Lesson], folder: Path, stage: Path) -> None:
    """Print the cheat sheet, if the notebooks that it is made of are there."""
    cells = {cell.id: cell for lesson in lessons for cell in lesson.node.cells}
    if not {SQUARE, LAYERS} <= cells.keys():
        return
    stage.mkdir(parents=True)
    shutil.copyfile(HERE / "template.typ", stage / "template.typ")
    text = (HERE.parent / "notebooks" / f"{GLOSSARY}.md").read_text("utf-8")
    (table,) = [o for o in cells[LAYERS].outputs if "text/html" in o.get("data", {})]
    parts = {
        name: [f"**{term.capitalize()}.** {definition(text, term)}" for term in terms]
        for name, terms in TERMS.items()
    }
    parts |= {
        "square": [picture(cells[SQUARE], stage / "square.png")],
        "layers": [printed(table, "more: false")],
    }
    if REMEDIES in cells:  # an edition may end before them
        rows = re.findall(r"(?m)^\|.*", cells[REMEDIES].source)
        parts["remedies"] = ["\n".join(rows)]
    body = "#cheat-sheet(\n"
    for name, contents in parts.items():
        texts = [to_typst("sheet", [LINK.sub(r"\1", text)]) for text in contents]
        body += f"  {name}: ({''.join(f'[{text}], ' for text in texts)}),\n"
    source = stage / "sheet" / "cheat_sheet.typ"
    source.parent.mkdir()
    print_pages(body + ")", source, folder, title="Cheat sheet", series=TITLE)


def definition(glossary: str, term: str) -> str:
    """Return what the glossary says of a term."""
    found = re.search(rf"(?m)^## {term}\n\n(.+)$", glossary)
    if not found:
        raise SystemExit(f"The glossary has no {term}, which the cheat sheet needs.")
    return found[1]


def picture(cell: NotebookNode, path: Path) -> str:
    """Write a cell's figure to a file; return the Typst that shows it."""
    (output,) = [o for o in cell.outputs if "image/png" in o.get("data", {})]
    path.write_bytes(base64.b64decode(output.data["image/png"]))
    alt = string(output.metadata["image/png"]["alt"])
    return f"``#image({string('/' + path.name)}, alt: {alt}, width: 100%)``{{=typst}}"
