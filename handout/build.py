"""Make web pages, print and copies to hand out from the notebooks as they are stored.

python handout/build.py [folder]    fills build/, or that folder

Nothing is run and nothing is fetched; the same notebooks give the same files.
"""

import base64
import copy
import json
import re
import shutil
import sys
import tempfile
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pypandoc
import typst
from nbformat import NotebookNode
from sphinx.cmd.build import build_main

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
FRONT = (HERE / "index.md").read_text("utf-8").splitlines()
TITLE, LEAD = FRONT[0].removeprefix("# "), FRONT[2].strip("*")
# What a copy needs beside its notebooks to run on its own.
MODULES = ["arguments", "figures", "helpers", "consistency", "exercises"]
PARTS = [*(f"{name}.py" for name in MODULES), "requirements.txt", "LICENSE", "images/*"]
DETAILS = re.compile(r"<details>\s*<summary>(.*?)</summary>(.*?)</details>", re.S)
SLIDER = "*A slider belongs here: it needs the notebook to run.*"


@dataclass
class Lesson:
    """A notebook, with what its first cell says about it."""

    name: str
    node: NotebookNode

    def __post_init__(self):
        """Read the title, the question and the minutes."""
        first = self.node.cells[0].source
        self.title = re.search(r"^# (.+)$", first, re.M)[1]
        question = re.search(r"^\*([^*].+)\*$", first, re.M)
        self.question = question[1] if question else ""
        minutes = re.search(r"\*\*Time\.?\*\* (.+?)(?:utes?)?\.?$", first, re.M)
        self.minutes = minutes[1] if minutes else ""


def build(folder: Path, notebooks: Path = ROOT / "notebooks") -> None:
    """Make everything anew in a folder."""
    lessons = [
        Lesson(path.stem, nbformat.read(path, as_version=4))
        for path in sorted(notebooks.glob("*.ipynb"))
    ]
    if not lessons:
        raise SystemExit(f"There is no notebook in {notebooks}.")
    for part in ["student", "teacher", "pdf", "html"]:
        shutil.rmtree(folder / part, ignore_errors=True)
        (folder / part).mkdir(parents=True)
    make_copy(lessons, folder, "student")
    make_copy(lessons, folder, "teacher")
    with tempfile.TemporaryDirectory() as stage:
        make_pdf(lessons, folder, Path(stage))
    with tempfile.TemporaryDirectory() as stage:
        make_html(lessons, folder, Path(stage))


# Copies


def tagged(cell: NotebookNode, tag: str) -> bool:
    """Say whether a cell carries a tag."""
    return tag in cell.metadata.get("tags", [])


def without_solutions(notebook: NotebookNode) -> NotebookNode:
    """Return a copy that gives nothing away: no solutions, no outputs."""
    notebook = copy.deepcopy(notebook)
    notebook.cells = [cell for cell in notebook.cells if not tagged(cell, "solution")]
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return notebook


def make_copy(lessons: list[Lesson], folder: Path, reader: str) -> None:
    """Write a folder, and a zip of it, that runs on its own."""
    target = folder / reader
    (target / "notebooks").mkdir()
    for lesson in lessons:
        student = reader == "student"
        notebook = without_solutions(lesson.node) if student else lesson.node
        write_notebook(notebook, target / "notebooks" / f"{lesson.name}.ipynb")
    copy_parts(target)
    readme = fill(
        "copy.md",
        title=TITLE,
        reader=reader,
        first=f"{lessons[0].name}.ipynb",
        solutions="Its solution is in the cell after that, folded away: click on the "
        "bar at its left."
        if reader == "teacher"
        else "",
    )
    (target / "README.md").write_text(readme.strip() + "\n", "utf-8", newline="\n")
    pack(target, folder / f"{reader}.zip")


def pack(folder: Path, target: Path) -> None:
    """Write a zip that says nothing of the day and the machine it was made on."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                name = f"pixel-{folder.name}/{path.relative_to(folder).as_posix()}"
                entry = zipfile.ZipInfo(name)
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.external_attr = 0o644 << 16
                archive.writestr(entry, path.read_bytes())


def copy_parts(target: Path) -> None:
    """Copy what the notebooks import, show and link to."""
    for pattern in PARTS:
        for path in sorted(ROOT.glob(pattern)):
            copied = target / path.relative_to(ROOT)
            copied.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copied)


def write_notebook(notebook: NotebookNode, path: Path) -> None:
    """Write a notebook, with the same bytes on every system."""
    path.write_text(nbformat.writes(notebook) + "\n", "utf-8", newline="\n")


def fill(template: str, **words: str) -> str:
    """Put words in the places that a template marks by {{...}}."""
    text = HERE.joinpath(template).read_text("utf-8")
    return re.sub(r"{{(\w+)}}", lambda place: words[place[1]], text)


# What pages and print have in common


def tidy(notebook: NotebookNode) -> NotebookNode:
    """Return a copy without what only a running kernel can show."""
    notebook = copy.deepcopy(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [o for o in map(tidy_output, cell.outputs) if o]
    return notebook


def tidy_output(output: NotebookNode) -> NotebookNode | None:
    """Return an output as it can be shown, or None."""
    if output.output_type == "stream":
        return None if output.name == "stderr" else output
    data = output.get("data", {})
    text = data.get("text/plain", "")
    if data.pop("application/vnd.jupyter.widget-view+json", None):
        data.pop("text/plain", None)
        if not data and text.startswith("interactive("):
            data["text/markdown"] = SLIDER
    elif text.startswith("<Figure size"):
        del data["text/plain"]
    return output if data or output.output_type == "error" else None


# Print


def make_pdf(lessons: list[Lesson], folder: Path, stage: Path) -> None:
    """Print a handout of each notebook, and one of the whole series."""
    copy_parts(stage)
    (stage / "notebooks").mkdir()
    for name in ["template.typ", "square.svg"]:
        shutil.copyfile(HERE / name, stage / name)
    bodies, ends = [], []
    for lesson in lessons:
        body, end = chapter(lesson, stage)
        bodies.append(body)
        if end:
            ends.append(f"== {lesson.title}\n{end}")
        setting = {"title": lesson.title, "series": TITLE}
        print_pages(setting, body + ending([end]), stage, folder, lesson.name)
    setting = {"title": TITLE, "lead": LEAD}
    print_pages(setting, "".join(bodies) + ending(ends), stage, folder, "series")


def print_pages(
    setting: dict[str, str], body: str, stage: Path, folder: Path, name: str
) -> None:
    """Set a Typst text and write the PDF."""
    arguments = ", ".join(f"{k}: {string(v)}" for k, v in setting.items())
    text = '#import "/template.typ": *\n#show: handout.with(' + arguments + ")\n" + body
    source = stage / "notebooks" / f"{name}.typ"
    source.write_text(text, "utf-8")
    typst.compile(
        source,
        output=folder / "pdf" / f"{name}.pdf",
        root=stage,
        ignore_system_fonts=True,  # the compiler's own, the same everywhere
    )


def ending(ends: list[str]) -> str:
    """Return the last chapter: answers and solutions."""
    return "#answers\n" + "".join(ends) if any(ends) else ""


def chapter(lesson: Lesson, stage: Path) -> tuple[str, str]:
    """Turn a notebook into Typst: its text, and the answers and solutions."""
    body, end, count = [], [], {"predict": 0, "exercise": 0, "solution": 0}

    def number(kind):
        count[kind] += 1
        return f'"{lesson.name}", {count[kind]}'

    def predict(match):
        question, answer = (part.strip() for part in match.groups())
        question = re.sub(r"^\W*Predict\W*", "", as_markdown(question))
        question = question[:1].upper() + question[1:]
        place = number("predict")
        asked = raw(f"#predict({place})[") + question + raw("]")
        end.append(raw(f"#answer({place})[") + question + raw("][") + answer + raw("]"))
        return asked

    heading = ""
    for cell in tidy(lesson.node).cells:
        if cell.cell_type == "markdown":
            heading = [heading, *re.findall(r"^#+ (.+)$", cell.source, re.M)][-1]
            body.append(DETAILS.sub(predict, cell.source))
        elif tagged(cell, "solution"):
            place = number("solution")
            end.append(raw(f"#solution({place})[") + heading + raw("]"))
            end.append(code(cell, stage))
        elif tagged(cell, "exercise"):
            body.append(raw(f"#exercise({number('exercise')})"))
            body.append(code(cell, stage))
        else:
            body.append(code(cell, stage, outputs=not tagged(cell, "check")))
    # A name for what links to this notebook.
    body[0] = re.sub(r"^(# .+)$", r"\1 {#start}", body[0], count=1, flags=re.M)
    return to_typst(lesson, body), to_typst(lesson, end)


def raw(text: str) -> str:
    """Return Typst that Pandoc leaves as it is."""
    return f"\n\n~~~~~~~~~~{{=typst}}\n{text}\n~~~~~~~~~~\n\n"


def as_markdown(text: str) -> str:
    """Turn the HTML that a `<summary>` holds into Markdown."""
    options = ["--wrap=none"]
    return pypandoc.convert_text(text, "markdown", "html+tex_math_dollars", options)


def to_typst(lesson: Lesson, parts: list[str]) -> str:
    """Turn Markdown into Typst."""
    text = "\n\n".join(parts)
    text = pypandoc.convert_text(text, "typst", "commonmark_x", ["--wrap=none"])
    # Headings recur from notebook to notebook: links need names that do not.
    text = re.sub(r"(?m)(^|#link\()<([^>\s]+)>", rf"\1<{lesson.name}-\2>", text)
    return f"{text.strip()}\n" if text.strip() else ""


def code(cell: NotebookNode, stage: Path, outputs: bool = True) -> str:
    """Return a code cell and what it printed and drew."""
    shown = cell.outputs if outputs else []
    parts = [raw(f"#source({string(cell.source)}, {more(shown)})")]
    for number, output in enumerate(shown, 1):
        parts.append(print_output(output, more(shown[number:]), stage))
    return "".join(parts)


def more(rest: list) -> str:
    """Tell Typst whether there is a next part, to be kept on the same page."""
    return f"more: {'true' if rest else 'false'}"


def print_output(output: NotebookNode, more: str, stage: Path) -> str:
    """Return one output of a cell, in the form that prints best."""
    if output.output_type == "stream":
        return raw(f"#printed({string(output.text)}, {more})")
    if output.output_type == "error":
        return raw(f"#printed({string(f'{output.ename}: {output.evalue}')}, {more})")
    for kind, suffix in {"image/png": "png", "image/jpeg": "jpg"}.items():
        if kind in output.data:
            picture = base64.b64decode(output.data[kind])
            name = f"figure-{len(list(stage.glob('figure-*')))}.{suffix}"
            (stage / name).write_bytes(picture)
            alt = output.metadata.get(kind, {}).get("alt", "")
            return raw(f"#drawn({string('/' + name)}, {string(alt)}, {more})")
    if "text/markdown" in output.data:
        return "\n\n" + output.data["text/markdown"] + "\n\n"
    if "text/html" in output.data:
        page = re.sub(r"(?s)<style.*?</style>", "", output.data["text/html"])
        return raw(pypandoc.convert_text(page, "typst", "html"))
    return raw(f"#printed({string(output.data.get('text/plain', ''))}, {more})")


def string(text: str) -> str:
    """Return text as a Typst string, without the colours of a terminal."""
    text = re.sub(r"\x1b\[[\d;]*m", "", text)
    return json.dumps(text.rstrip("\n"), ensure_ascii=False)


# Web pages


def make_html(lessons: list[Lesson], folder: Path, stage: Path) -> None:
    """Make the site, with all there is to download in it."""
    copy_parts(stage)
    shutil.copyfile(HERE / "square.svg", stage / "square.svg")
    (stage / "notebooks").mkdir()
    for lesson in lessons:
        write_notebook(web_page(lesson.node), stage / f"notebooks/{lesson.name}.ipynb")
    stage.joinpath("index.md").write_text(landing_page(lessons), "utf-8")
    files = stage / "extra" / "files"
    shutil.copytree(folder / "pdf", files)
    shutil.copyfile(folder / "student.zip", files / "student.zip")
    doctrees = stage / "doctrees"
    options = ["-q", "-W", "--keep-going", "-c", HERE, "-d", doctrees]
    options += ["-D", f"html_extra_path={files.parent}", "-D"]
    options += [f"exclude_patterns={','.join(['images', 'extra', 'site'])}"]
    site = stage / "site" / "html"  # MyST-NB writes beside it, too
    if build_main([*map(str, options), str(stage), str(site)]):
        raise SystemExit("Sphinx found a fault; see above.")
    for lesson in lessons:  # the download button gives it as it is stored
        source = site / "_sources" / "notebooks" / f"{lesson.name}.ipynb"
        write_notebook(lesson.node, source)
    site.joinpath(".buildinfo").unlink()  # knows the name of the stage
    shutil.copytree(site, folder / "html", dirs_exist_ok=True)


def web_page(notebook: NotebookNode) -> NotebookNode:
    """Return a notebook with the marks that MyST-NB wants."""
    notebook = tidy(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = DETAILS.sub(click, cell.source)
        elif tagged(cell, "solution"):
            cell.metadata.tags = ["hide-cell"]
            cell.metadata.mystnb = {
                "code_prompt_show": "Show the solution",
                "code_prompt_hide": "Hide the solution",
            }
    return notebook


def click(match: re.Match) -> str:
    """Return a question that opens on a click, with its formulas marked as such."""
    question = re.sub(
        r"\$(.+?)\$", r'<span class="math">\\(\1\\)</span>', match[1].strip()
    )
    # With blank lines around it, the answer is read as Markdown.
    return f"<details>\n<summary>{question}</summary>\n\n{match[2]}\n\n</details>\n"


def landing_page(lessons: list[Lesson]) -> str:
    """Return the first page: the template with its table and its links."""
    rows = ["| Notebook | Time | Print |", "|---|---|---|"]
    for lesson in lessons:
        page, pdf = f"notebooks/{lesson.name}.ipynb", f"files/{lesson.name}.pdf"
        rows.append(
            f"| [{lesson.title}]({page})<br>{lesson.question} "
            f'| {lesson.minutes} | <a href="{pdf}">PDF</a> |'
        )
    return fill(
        "index.md",
        notebooks="\n".join(rows),
        names="\n".join(f"notebooks/{lesson.name}" for lesson in lessons),
    )


if __name__ == "__main__":
    start = time.perf_counter()
    target = Path(sys.argv[1]) if sys.argv[1:] else ROOT / "build"
    build(target)
    print(f"{target}: html, pdf, student, teacher; {time.perf_counter() - start:.0f} s")
