"""A notebook of the series: what its first cell says, and what of it can be shown."""

import copy
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import nbformat
from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode
from nbconvert.preprocessors import ExtractAttachmentsPreprocessor, Preprocessor
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
FRONT = (HERE / "index.md").read_text("utf-8").splitlines()
NUMBERS = ["No", "One", "Two", "Three", "Four", "Five"]
NUMBERS += ["Six", "Seven", "Eight", "Nine", "Ten"]
TITLE, LEAD = FRONT[0].removeprefix("# "), FRONT[2].strip("*")
# By these words the parts of a notebook are found: who translates it, translates them.
TIME, LEARN, PREDICT, ANSWER = "Time", "What you'll learn", "Predict", "Answer"
EXERCISE, OPTIONAL = "Exercise", "optional"
GLOSSARY, QUESTIONS, FOUND = "glossary", "questions", "what_was_found"
PAGES = {GLOSSARY, QUESTIONS, FOUND}
EVIDENCE = "evidence"  # the folder of what is there for the sceptic
DETAILS = re.compile(
    r"<details[^>]*>\s*<summary>\s*(.*?)\s*</summary>\s*(.*?)\s*</details>", re.S
)
ANCHOR = re.compile(r"(?<=\]\()([^)\s#:]+\.ipynb)?#[^)\s]+")
# A figure's words, for JupyterLab: on a page and in print, the picture carries them.
IN_WORDS = "<details><summary>The figure in words"
SHOWN = ("text/", "image/")
SLIDER = "*A slider belongs here: it needs the notebook to run.*"


@dataclass
class Lesson:
    """A notebook in the form of the series, with what its first cell says about it."""

    name: str
    node: NotebookNode
    title: str
    question: str = ""
    minutes: str = ""
    goals: list[str] = field(default_factory=list)
    folder: str = ""  # of the evidence; the lessons need none
    beside: dict[str, bytes] = field(default_factory=dict)  # what its texts link to

    @property
    def path(self) -> str:
        """Where the notebook stands, seen from the folder of the lessons."""
        return f"{self.folder}{self.name}.ipynb"

    @property
    def id(self) -> str:
        """Its name without what a label can't hold: browsers save `lesson (1)`."""
        return re.sub(r"[^\w-]+", "-", self.name)

    @property
    def link(self) -> str:
        """The path as a link spells it."""
        return quote(self.path)


def read(path: Path) -> Lesson | None:
    """Read a notebook; None if its first cell does not begin with a title.

    Parameters
    ----------
    path : Path
        A notebook of the series, or one of a teacher's own. The title is the first
        heading; a paragraph in italics is the question; one that begins with a bold
        "Time." holds the minutes; the points below a bold "What you'll learn" are the
        goals. All but the title can be missing.

    Raises
    ------
    ValueError
        If it is no notebook, has the name of another page, or links to what is not
        there.
    """
    try:
        node = nbformat.read(path, as_version=4)
    except (ValueError, AttributeError, TypeError, nbformat.ValidationError) as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(f"it can't be read as a notebook: {reason}") from error
    if path.stem in PAGES:
        raise ValueError("a page of the series has its name; give it another")
    if "%" in path.stem:
        raise ValueError("no page can link to a name with a %; give it another")
    if not node.cells or node.cells[0].cell_type != "markdown":
        return None
    title, question, minutes = "", "", ""
    for block in blocks(node.cells[0].source):
        text = block.children[0].content
        marks = [
            mark.type for mark in block.children[0].children if mark.type != "text"
        ]
        if block.tag == "h1" and not title:
            title = text
        elif marks == ["em"] and text[0] + text[-1] in ("**", "__") and not question:
            question = text[1:-1]
        elif text.startswith(f"**{TIME}"):
            minutes = text.rpartition("**")[2].strip(" .")
    if not title:
        return None
    folder = f"{EVIDENCE}/" if path.parent.name == EVIDENCE else ""
    learn = goals(node.cells[0].source)
    beside = linked_files(node, path.parent)
    return Lesson(path.stem, node, title, question, minutes, learn, folder, beside)


def linked_files(notebook: NotebookNode, folder: Path) -> dict[str, bytes]:
    """Return the files in a notebook's folder that its text cells link to."""
    found = {}
    for cell in notebook.cells:
        if cell.cell_type != "markdown":
            continue
        for target in links(cell.source):
            parts = urlsplit(target)
            name = unquote(parts.path)
            if parts.scheme or not name or name.endswith((".ipynb", ".md")):
                continue  # elsewhere; on this page; a page
            places = [folder / name, ROOT / "notebooks" / folder.name / name]
            places.append(ROOT / "notebooks" / name)
            path = next((place for place in places if place.is_file()), None)
            if not path:
                raise ValueError(f"it links to {name}, which is not there")
            if ".." not in Path(name).parts:
                found[name] = path.read_bytes()
    return found


def links(markdown: str) -> list[str]:
    """Return what a text links to, and its pictures.

    Examples
    --------
    >>> links('[a](b.png) ![](c%20d.png) `[](e)` <img src="f.png">')
    ['b.png', 'c%20d.png', 'f.png']
    """
    tokens = MarkdownIt().parse(markdown)
    parts = [part for token in tokens for part in [token, *(token.children or [])]]
    found = [part.attrs.get("href") or part.attrs.get("src") for part in parts]
    tags = " ".join(part.content for part in parts if part.type.startswith("html_"))
    found += re.findall(r'\b(?:src|href)=["\']([^"\']+)', tags)
    return [
        str(link) for link in found if link and not str(link).startswith("attachment:")
    ]


def goals(markdown: str) -> list[str]:
    """Return the points below the words "What you'll learn"."""
    _, _, rest = markdown.partition(f"**{LEARN}")
    tree = SyntaxTreeNode(MarkdownIt().parse(rest)).children
    lists = [block for block in tree if block.type == "bullet_list"]
    points = lists[0].children if lists else []
    return [point.children[0].children[0].content.rstrip(";.") for point in points]


def exercises(lesson: Lesson) -> list[tuple[str, str]]:
    """Return the title of each exercise, and the name of what checks it."""
    found, title = [], ""
    for cell in lesson.node.cells:
        if cell.cell_type == "markdown":
            title = exercise_in(cell.source) or title
        elif tagged(cell, "check"):
            checker = re.search(r"exercises\.(\w+)", cell.source)
            found.append((title, checker[1] if checker else ""))
    return found


def missing(lesson: Lesson) -> list[str]:
    """Name the parts that a lesson of the series is to have, and that are not found."""
    text = "\n".join(cell.source for cell in lesson.node.cells)
    asked = [match[1] for match in DETAILS.finditer(text)]
    found = {
        f"**{TIME}.**": lesson.minutes,
        f"**{LEARN}**": lesson.goals,
        f"**{PREDICT}:**": any(PREDICT in words for words in asked),
        f"### {EXERCISE} 1 · …": all(title for title, _ in exercises(lesson)),
    }
    return [label for label, there in found.items() if not there]


def exercise_in(markdown: str) -> str:
    """Return the title of the last exercise that a text begins, or nothing."""
    return ([""] + re.findall(rf"(?m)^#+ {EXERCISE} (.+)$", markdown))[-1]


def optional(title: str) -> bool:
    """Say whether an exercise is a bonus."""
    return OPTIONAL in title


def without_links(text: str, names: Collection[str]) -> str:
    """Return a text whose links to notebooks of other names are words alone."""

    def link(match):
        return match[0] if match[2] in names else match[1]

    return re.sub(r"\[([^\]]+)\]\((?:[\w.]+/)*(\w+)\.ipynb[^)]*\)", link, text)


def quiz(text: str, names: Collection[str]) -> str:
    """Return the questions whose notebook is there, numbered anew; all, if none is."""
    head, *parts = re.split(r"(?m)^## \d+ · ", text)
    kept = [
        x for x in parts if re.findall(r"\((?:\w+/)*(\w+)\.ipynb", x)[0] in names
    ] or parts
    head = re.sub(r"^# \w+", f"# {NUMBERS[len(kept)]}", head)
    return head + "".join(f"## {n} · {part}" for n, part in enumerate(kept, 1))


def blocks(markdown: str) -> list[SyntaxTreeNode]:
    """Return the headings and paragraphs of a Markdown text that hold something."""
    tree = SyntaxTreeNode(MarkdownIt().parse(markdown)).children
    wanted = [block for block in tree if block.type in ("heading", "paragraph")]
    return [block for block in wanted if block.children and block.children[0].children]


def tagged(cell: NotebookNode, tag: str) -> bool:
    """Say whether a cell carries a tag."""
    return tag in cell.metadata.get("tags", [])


def solved(lessons: list[Lesson]) -> bool:
    """Say whether there are solutions in lessons."""
    return any(tagged(c, "solution") for lesson in lessons for c in lesson.node.cells)


def process(
    lesson: Lesson, *preprocessors: Preprocessor
) -> tuple[NotebookNode, dict[str, bytes]]:
    """Return a changed copy of a notebook, and the files that belong to it.

    They stood beside it, or were taken out of it.
    """
    node = copy.deepcopy(lesson.node)
    resources: dict[str, Any] = {
        "outputs": {},
        "unique_key": lesson.id,
        "output_files_dir": f"{lesson.id}_files",
    }
    for preprocessor in preprocessors:
        node, resources = preprocessor.preprocess(node, resources)
    taken = {k.replace("\\", "/"): v for k, v in resources["outputs"].items()}
    return node, lesson.beside | taken


def write_files(files: dict[str, bytes], folder: Path) -> None:
    """Write what belongs to a notebook."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def write_notebook(notebook: NotebookNode, path: Path) -> None:
    """Write a notebook, with the same bytes on every system."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(nbformat.writes(notebook) + "\n", "utf-8", newline="\n")


def fill(template: str, **words: str) -> str:
    """Put words in the places that a template marks by {{...}}."""
    text = HERE.joinpath(template).read_text("utf-8")
    return re.sub(r"{{(\w+)}}", lambda place: words[place[1]], text)


class PastedPictures(ExtractAttachmentsPreprocessor):
    """Takes the pictures that were pasted into text cells out into files."""

    def preprocess_cell(self, cell, resources, index):
        """Keep apart what is called the same in two cells."""
        self.path_name = f"{resources['output_files_dir']}/{index}"
        return super().preprocess_cell(cell, resources, index)


class OnPaper(Preprocessor):
    """Leaves out what only a running kernel can show, and names things as pages do.

    A raw cell becomes text; the anchor of a heading loses the capitals that JupyterLab
    wants.
    """

    def preprocess_cell(self, cell, resources, index):
        """Change one cell."""
        if cell.cell_type == "raw":  # as JupyterLab shows it
            cell = new_markdown_cell(f"~~~~~~~~text\n{cell.source}\n~~~~~~~~")
        elif cell.cell_type == "markdown":
            cell.source = ANCHOR.sub(lambda link: slug(link[0]), cell.source)
        elif cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if _shown(output)]
        return cell, resources


def slug(link: str) -> str:
    """Return a link to a heading as GitHub and MyST spell it."""
    path, _, anchor = link.partition("#")
    return path + "#" + re.sub(r"[^\w-]", "", unquote(anchor).lower())


def _shown(output: NotebookNode) -> bool:
    """Bring an output into the form in which it can be shown, if there is one."""
    if output.output_type == "stream":
        return output.name != "stderr"
    if output.output_type == "error":
        return True
    if output.data.get("text/html", "").startswith(IN_WORDS):
        return False
    text = output.data.get("text/plain", "")
    if output.data.pop("application/vnd.jupyter.widget-view+json", None):
        output.data.pop("text/plain", None)
        if not output.data and text.startswith("interactive("):
            output.data["text/markdown"] = SLIDER
    elif text.startswith("<Figure size"):
        del output.data["text/plain"]
    for kind in [kind for kind in output.data if not kind.startswith(SHOWN)]:
        del output.data[kind]  # of Plotly or Altair, which bring a script along
    return bool(output.data)
