"""The site: MyST-NB reads the notebooks, Sphinx writes the pages but for the first."""

import copy
import re
import shutil
from dataclasses import replace
from functools import cache
from pathlib import Path
from urllib.parse import quote

import pypandoc
from nbformat import NotebookNode
from sphinx.cmd.build import build_main

from . import front, photo
from .copies import copy_parts
from .lesson import (
    ANCHOR,
    DETAILS,
    FOUND,
    GLOSSARY,
    HERE,
    PREDICT,
    QUESTIONS,
    Lesson,
    OnPaper,
    PastedPictures,
    exercises,
    fill,
    optional,
    process,
    slug,
    solved,
    tagged,
    without_links,
    write_files,
    write_notebook,
)
from .light import lighten

# What a page shows behind a click: the tag of MyST-NB, and what it is called.
FOLDED = {
    "imports": ("hide-input", "the imports"),
    "solution": ("hide-cell", "the solution"),
    "figure": ("hide-input", "the code of this figure"),
}


def make(
    lessons: list[Lesson],
    given: list[Lesson],
    files: list[Path],
    folder: Path,
    stage: Path,
) -> None:
    """Make the site, with notebooks to download, and files: a copy, then the PDFs."""
    copy_parts(stage, lessons)
    shutil.copyfile(HERE / "elsewhere.md", stage / "elsewhere.md")
    noted = notes() if solved(lessons) else {}
    for lesson in lessons:
        lesson = with_notes(lesson, noted)
        notebook, own = process(lesson, OnPaper(), PastedPictures())
        path = stage / "notebooks" / lesson.path
        # MyST-NB reads the name of a picture as the text spells it.
        write_files(own | {quote(k): v for k, v in own.items()}, path.parent)
        write_notebook(marked(notebook), path)
    stage.joinpath("index.md").write_text(contents(lessons), "utf-8")
    measure = HERE.joinpath("measure.md").read_text("utf-8").replace("](../", "](")
    stage.joinpath("measure.md").write_text(linked(measure, lessons), "utf-8")
    stage.joinpath("teachers.md").write_text(teachers_page(lessons, files), "utf-8")
    for name in [QUESTIONS, FOUND]:
        page = stage / "notebooks" / f"{name}.md"
        page.write_text(linked(page.read_text("utf-8"), lessons), "utf-8")
    extra = stage / "extra"
    write_files({f"files/{path.name}": path.read_bytes() for path in files}, extra)
    site = stage / "site" / "html"  # MyST-NB writes beside it, too
    options = ["-q", "-W", "--keep-going", "-c", HERE, "-d", stage / "doctrees"]
    options += ["-D", f"html_extra_path={extra}"]
    options += ["-D", "exclude_patterns=extra,site"]
    if build_main([*map(str, options), str(stage), str(site)]):
        raise SystemExit("Sphinx found a fault; see above.")
    for lesson in given:  # what the download button gives
        source = site / "_sources" / "notebooks" / lesson.path
        write_notebook(lesson.node, source)
    site.joinpath(".buildinfo").unlink()  # knows the name of the stage
    lighten(site)
    photo.make(lessons, site)
    front.make(lessons, site, files[0].name)
    shutil.copytree(site, folder, dirs_exist_ok=True)


def marked(notebook: NotebookNode) -> NotebookNode:
    """Mark in a notebook what a page shows behind a click, and in which language."""
    notebook.metadata.language_info = {"name": "python", "pygments_lexer": "ipython3"}
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = DETAILS.sub(click, cell.source)
        for tag, (fold, name) in FOLDED.items():
            if tagged(cell, tag):
                cell.metadata.tags = [fold]
                cell.metadata.mystnb = {
                    "code_prompt_show": f"Show {name}",
                    "code_prompt_hide": f"Hide {name}",
                }
    return notebook


def click(match: re.Match) -> str:
    """Return a question that opens on a click, with its formulas as MathML."""
    question = re.sub(r"\$(.+?)\$", lambda formula: mathml(formula[1]), match[1])
    # With blank lines around it, the answer is read as Markdown.
    return f"<details>\n<summary>{question}</summary>\n\n{match[2]}\n\n</details>\n"


@cache
def mathml(formula: str, display: bool = False) -> str:
    r"""Return a formula of TeX as MathML.

    Examples
    --------
    >>> mathml("s^2")[:5]
    '<math'
    """
    mark = "$$" if display else "$"
    page = pypandoc.convert_text(
        f"{mark}{formula.strip()}{mark}", "html", "markdown", ["--mathml"]
    )
    found = re.search("(?s)<math.*</math>", page)
    if not found:
        raise ValueError(f"no formula that pandoc can read: {formula}")
    return found[0]


def contents(lessons: list[Lesson]) -> str:
    """Return the page that gives the others their order; the first page hides it."""
    names = [QUESTIONS, *(x.path for x in lessons if not x.folder), FOUND]
    names += [x.path for x in lessons if x.folder]
    pages = [f"notebooks/{name}" for name in names]
    pages += [
        "images/README",
        f"notebooks/{GLOSSARY}",
        "measure",
        "teachers",
        "elsewhere",
    ]
    return fill("index.md", names="\n".join(pages))


def teachers_page(lessons: list[Lesson], files: list[Path]) -> str:
    """Return the page for teachers, with its table and the files it speaks of."""
    rows = ["| Notebook | Goals: you learn | Exercises, and what checks them |"]
    rows.append("|---|---|---|")
    for lesson in [x for x in lessons if not x.folder]:
        tasks = [f"{title}<br>`{checker}`" for title, checker in exercises(lesson)]
        cells = [
            f"[{lesson.title}](notebooks/{lesson.link})<br>{lesson.minutes}"
            f"{in_class(lesson)}<br>{predictions(lesson)} predictions",
            "<br>".join(f"– {goal}" for goal in lesson.goals),
            "<br>".join(tasks),
        ]
        rows.append(
            "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
        )
    names = [path.name for path in files]

    def file(match):
        kind = match[1].rpartition(".")[2].upper()
        given = match[1] in names
        return f' (<a href="files/{match[1]}">{kind}</a>)' if given else ""

    text = HERE.joinpath("teachers.md").read_text("utf-8")
    text = text.replace("<!-- goals -->", "\n".join(rows)).replace("](../", "](")
    for lesson in lessons:
        for number, title in enumerate(sections(lesson), 1):
            text = text.replace(f'"{title}"', f'"{title}" (section {number})')
    return linked(re.sub(r"<!-- (\w+\.(?:pdf|zip)) -->", file, text), lessons)


def in_class(lesson: Lesson) -> str:
    """Return the minutes in class: more for each prediction and required exercise."""
    alone = re.match(r"\d+", lesson.minutes)
    if not alone:
        return ""
    required = sum(not optional(title) for title, _ in exercises(lesson))
    return f", {int(alone[0]) + predictions(lesson) + 5 * required} in class"


def notes() -> dict[tuple[str, str], str]:
    """Return what a teacher is to know, by notebook and section."""
    _, *parts = re.split(
        r"(?m)^# (\w+)\n", HERE.joinpath("notes.md").read_text("utf-8")
    )
    found = {}
    for name, text in zip(parts[::2], parts[1::2], strict=True):
        _, *told = re.split(r"(?m)^## (.+)\n", text)
        for title, note in zip(told[::2], told[1::2], strict=True):
            found[name, title] = note.strip()
    return found


def with_notes(lesson: Lesson, noted: dict[tuple[str, str], str]) -> Lesson:
    """Return a lesson with the notes for its teacher below its headings, folded."""

    def note(heading):
        text = noted.get((lesson.name, heading[1]))
        if not text:
            return heading[0]
        summary = "<summary><b>For the teacher</b></summary>"
        return f"{heading[0]}\n\n<details>\n{summary}\n\n{text}\n\n</details>"

    node = copy.deepcopy(lesson.node)
    for cell in node.cells:
        if cell.cell_type == "markdown":
            cell.source = re.sub(r"(?m)^## (.+)$", note, cell.source)
    return replace(lesson, node=node)


def sections(lesson: Lesson) -> list[str]:
    """Return the titles of a notebook's sections, in the order of their numbers."""
    texts = [c.source for c in lesson.node.cells if c.cell_type == "markdown"]
    return re.findall(r"(?m)^## (.+)", "\n".join(texts))


def predictions(lesson: Lesson) -> int:
    """Return how often a lesson asks to predict."""
    text = "\n".join(cell.source for cell in lesson.node.cells)
    return sum(PREDICT in match[1] for match in DETAILS.finditer(text))


def linked(text: str, lessons: list[Lesson]) -> str:
    """Return a text whose links to lessons lead to what is there, as pages spell it."""
    text = without_links(text, [lesson.name for lesson in lessons])
    return ANCHOR.sub(lambda match: slug(match[0]), text)
