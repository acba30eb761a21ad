"""The series on paper: Pandoc turns its text into Typst, Typst sets the pages."""

import html
import json
import re
import shutil
import sys
import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

import pypandoc
import typst
from nbconvert.preprocessors import ExtractOutputPreprocessor, TagRemovePreprocessor
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell, new_notebook

from .copies import copy_parts
from .lesson import (
    ANSWER,
    DETAILS,
    GLOSSARY,
    HERE,
    LEAD,
    PREDICT,
    QUESTIONS,
    TITLE,
    Lesson,
    OnPaper,
    PastedPictures,
    blocks,
    process,
    solved,
    tagged,
    write_files,
)

PICTURES = ("image/png", "image/jpeg", "image/svg+xml")
CHANGES = [
    OnPaper(),
    # What a checker says of an empty answer; code that only draws.
    TagRemovePreprocessor(
        remove_all_outputs_tags={"check"}, remove_input_tags={"figure"}
    ),
    PastedPictures(),
    ExtractOutputPreprocessor(extract_output_types=set(PICTURES)),
]
# What a hand does on a screen: a sentence of a paragraph.
IN_HAND = re.compile(r"(?m)(?:^|(?<=\. ))[^\n#<.]*\b[Dd]rag\b[^\n.]*\.")
STILL = "In the notebook, the next figure moves under your hand."
SQUARE = "Four grids at the corners of a square: move and convolve, both ways round."
IMAGE = re.compile(r"!\[([^\]]*)\]\(([^)\s]+)\)")
# The marks of Markdown for the tags that a `<summary>` holds.
MARKS = {"b": "**", "strong": "**", "i": "*", "em": "*", "code": "`"}
MARKS |= {"sup": "^", "sub": "~"}


def make(lessons: list[Lesson], folder: Path, stage: Path) -> None:
    """Print a handout of each notebook, and one of the whole series."""
    folder.mkdir(parents=True)
    copy_parts(stage, lessons)
    for name in ["template.typ", "square.svg"]:
        shutil.copyfile(HERE / name, stage / name)
    terms = glossary(stage)
    texts = stage / "notebooks"
    bodies: list[str] = []
    ends: list[str] = []
    for lesson in lessons:
        chapter = Chapter(lesson)
        body, end = chapter.typeset(texts)
        if lesson.folder and "#part" not in "".join(bodies):
            bodies.append("#part[The evidence]\n")
        body = f"#numbered[\n{body}]\n"
        bodies.append(body)
        if end:
            ends.append(f"== {lesson.title}\n{end}")
        body += ending([end], lessons, aside=bool(lesson.folder))
        source = texts / f"{lesson.name}.typ"
        print_pages(body, source, folder, title=lesson.title, series=TITLE)
        if chapter.predictions and not lesson.folder:
            source = texts / f"{lesson.name}_worksheet.typ"
            body = worksheet(chapter)
            print_pages(body, source, folder, title=lesson.title, series=TITLE)
    body = "".join(bodies) + ending(ends, lessons) + terms
    print_pages(body, texts / "series.typ", folder, title=TITLE, lead=LEAD)
    quiz = questions(stage)
    body, end = Chapter(quiz).typeset(texts)
    body = f"#quiz[\n{body}\n]\n" + ending([end], [])
    source = texts / f"{quiz.name}.typ"
    print_pages(body, source, folder, title=quiz.title, series=TITLE)


def print_pages(body: str, source: Path, folder: Path, **setting: str) -> None:
    """Set a Typst text and write the PDF."""
    arguments = ", ".join(f"{k}: {string(v)}" for k, v in setting.items())
    text = '#import "/template.typ": *\n#show: handout.with(' + arguments + ")\n" + body
    source.write_text(text, "utf-8")
    wide = "".join(sorted({c for c in body if unicodedata.east_asian_width(c) in "WF"}))
    if wide:  # Chinese, Japanese, Korean, emoji
        print(
            f"{source.stem} is printed with fonts of this system for {wide[:40]}: "
            "have a look, for where it has none there are boxes.",
            file=sys.stderr,
        )
    try:
        typst.compile(
            source,
            output=folder / f"{source.stem}.pdf",
            root=source.parent.parent,
            ignore_system_fonts=not wide,  # the compiler's own, the same everywhere
        )
    except typst.TypstError as error:
        raise SystemExit(f"{source.stem} can't be printed: {error}") from error


def worksheet(chapter: "Chapter") -> str:
    """Return what of a lesson is to be answered, with room to write."""
    lesson = chapter.lesson
    asked = [to_typst(lesson.name, [text]) for text in chapter.predictions]
    title, question = (
        to_typst("sheet", [x]).strip() for x in (lesson.title, lesson.question)
    )
    predictions = "".join(f"[{text}], " for text in asked)
    return f"#worksheet([{title}], [{question}], ({predictions}), {string(SQUARE)})\n"


def ending(ends: list[str], lessons: list[Lesson], aside: bool = False) -> str:
    """Return the chapter of answers and, if there are any, solutions."""
    title = "Answers and solutions" if solved(lessons) else "Answers"
    head = f"#answers(aside: {str(aside).lower()})[{title}]\n"
    return head + "".join(ends) if any(ends) else ""


def glossary(stage: Path) -> str:
    """Return the last chapter, with each term at the head of its paragraph."""

    def head(match):
        return f"[**{match[1]}.**]{{#{match[1].lower().replace(' ', '-')}}} "

    text = (stage / "notebooks" / f"{GLOSSARY}.md").read_text("utf-8")
    text = re.sub(r"(?m)^## (.+)\n\n", head, text)
    return "#pagebreak(weak: true)\n" + to_typst(GLOSSARY, [text])


def questions(stage: Path) -> Lesson:
    """Return the ten questions as a lesson, each in a cell of its own."""
    text = (stage / "notebooks" / f"{QUESTIONS}.md").read_text("utf-8")
    text = re.sub(r"(?m)^- \*\*(\w)\*\* ·", r"- ``#boxes``{=typst} **\1** ·", text)
    first, *parts = re.split(r"(?m)^(?=## )", text)
    whole = [raw("#block(breakable: false)[") + part + raw("]") for part in parts]
    cells = [new_markdown_cell(part) for part in [first, *whole]]
    title = text.partition("\n")[0].removeprefix("# ")
    return Lesson(QUESTIONS, new_notebook(cells=cells), title)


@dataclass
class Chapter:
    """A notebook on its way to paper: its text, and what is for the end."""

    lesson: Lesson
    body: list[str] = field(default_factory=list)
    end: list[str] = field(default_factory=list)
    count: Counter = field(default_factory=Counter)
    heading: str = ""
    predictions: list[str] = field(default_factory=list)

    def typeset(self, folder: Path) -> tuple[str, str]:
        """Return both as Typst; the pictures go into a folder."""
        notebook, files = process(self.lesson, *CHANGES)
        write_files(files, folder)
        for cell in notebook.cells:
            if cell.cell_type == "markdown":
                self.add_text(cell.source)
            elif tagged(cell, "solution"):
                self.solve(code(cell))
            elif tagged(cell, "exercise"):
                self.body.append(raw(f"#exercise({self.place('exercise')})"))
                self.body += [*code(cell), raw("#room(4)")]
            else:
                self.body += code(cell)
        # A name for what links to this notebook.
        start = r"\1 {#start}"
        self.body[0] = re.sub(r"^(# .+)$", start, self.body[0], count=1, flags=re.M)
        name = self.lesson.id
        return to_typst(name, self.body), to_typst(name, self.end)

    def add_text(self, source: str) -> None:
        """Add a text cell, without the answers in it."""
        headings = [block for block in blocks(source) if block.type == "heading"]
        if headings:
            self.heading = headings[-1].children[0].content
        source = IN_HAND.sub(STILL, source)
        source = re.sub(r"\b(D|d)rag\b", lambda m: "Mm"[m[1] == "d"] + "ove", source)
        self.body.append(IMAGE.sub(image, DETAILS.sub(self.unfold, source)))

    def unfold(self, match: re.Match) -> str:
        """Ask here what a click opens on a page, and answer it at the end."""
        question = re.sub(r"<!--.*?-->", "", match[1], flags=re.S)
        question = re.sub(r"</?(\w+)>", lambda tag: MARKS.get(tag[1], ""), question)
        question = html.unescape(question)
        if question.startswith(f"**{ANSWER}"):
            self.solve([match[2]])
            return ""
        if PREDICT not in question:
            question = question.replace("**", "")
            return f"\n\n**{question}**\n\n{match[2]}\n\n"
        question = re.sub(rf"^\W*{PREDICT}\W*", "", question)
        question = question[:1].upper() + question[1:]
        place = self.place("predict")
        self.predictions.append(question)
        self.end += [
            raw(f"#answer({place})["),
            question,
            raw("]["),
            IMAGE.sub(image, match[2]),
            raw("]"),
        ]
        return raw(f"#predict({place})[") + question + raw("]")

    def solve(self, parts: list[str]) -> None:
        """Keep the solution of the last heading for the end."""
        title = raw(f"#solution({self.place('solution')})[")
        self.end += [title, self.heading, raw("]"), *parts]

    def place(self, kind: str) -> str:
        """Return the name of the next place of a kind."""
        self.count[kind] += 1
        return f"{string(self.lesson.id)}, {self.count[kind]}"


def to_typst(name: str, parts: list[str]) -> str:
    """Turn Markdown into Typst."""
    text = "\n\n".join(parts)
    text = pypandoc.convert_text(text, "typst", "commonmark_x", ["--wrap=none"])
    # Headings recur from notebook to notebook: links need names that do not.
    text = re.sub(r"(?m)(^|\]|#link\()<([^>\s]+)>", rf"\1<{name}-\2>", text)
    return f"{text.strip()}\n" if text.strip() else ""


def image(match: re.Match) -> str:
    """Return a picture of a text; Pandoc would drop its alternative text."""
    alt, path = match[1], unquote(match[2])
    if path.startswith("http"):  # nothing is fetched
        return f"[{alt}]({path})"
    return f"``#box(image({string(path)}, alt: {string(alt)}))``{{=typst}}"


def raw(text: str) -> str:
    """Return Typst that Pandoc leaves as it is."""
    return f"\n\n~~~~~~~~~~{{=typst}}\n{text}\n~~~~~~~~~~\n\n"


def code(cell: NotebookNode) -> list[str]:
    """Return a code cell and what it printed and drew."""
    # In print, the picture above an explorer stands for it.
    outputs = [o for o in cell.outputs if "data-explorer=" not in str(o.get("data"))]
    # All but the last are kept on the page of the next.
    more = ["more: true"] * len(outputs) + ["more: false"]
    parts = list(map(printed, outputs, more[1:]))
    if "transient" in cell.metadata:  # nbconvert's mark of code to be left out
        return parts
    return [raw(f"#source({string(cell.source)}, {more[0]})"), *parts]


def printed(output: NotebookNode, more: str) -> str:
    """Return an output of a cell, in the form that prints best."""
    if output.output_type == "stream":
        return raw(f"#printed({string(output.text)}, {more})")
    if output.output_type == "error":
        return raw(f"#printed({string(f'{output.ename}: {output.evalue}')}, {more})")
    for kind in PICTURES:
        if kind in output.data:
            name = output.metadata.filenames[kind].replace("\\", "/")
            path = string(f"/notebooks/{name}")
            alt = string(output.metadata.get(kind, {}).get("alt", ""))
            return raw(f"#drawn({path}, {alt}, {more})")
    if "text/markdown" in output.data:
        return output.data["text/markdown"]
    if "text/html" in output.data:
        page = re.sub(r"(?s)<style.*?</style>", "", output.data["text/html"])
        return raw(pypandoc.convert_text(page, "typst", "html"))
    return raw(f"#printed({string(output.data.get('text/plain', ''))}, {more})")


def string(text: str) -> str:
    """Return text as a Typst string, without the colours of a terminal."""
    text = re.sub(r"\x1b\[[\d;]*m", "", text)
    return json.dumps(text.rstrip("\n"), ensure_ascii=False)
