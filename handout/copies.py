"""The student's and the teacher's copy: folders, and zips of them, that run alone."""

import hashlib
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

from nbconvert.preprocessors import (
    ClearOutputPreprocessor,
    Preprocessor,
    TagRemovePreprocessor,
)

from .lesson import (
    QUESTIONS,
    ROOT,
    TITLE,
    Lesson,
    exercise_in,
    fill,
    optional,
    process,
    quiz,
    tagged,
    without_links,
    write_files,
    write_notebook,
)

# What a copy needs beside its notebooks to run on its own.
PARTS = ["helpers.py", "exercises.py", "shifts/*.py", "requirements.txt"]
PARTS += ["explore/*", "LICENSE", "CITATION.cff", "images/*", "notebooks/*.md"]
# Binder and Codespaces can open a copy, too.
PARTS += [".binder/*", ".devcontainer/*", ".github/constraints.txt"]
LIGHT = "requirements-light.txt"
UNSOLVED = TagRemovePreprocessor(remove_cell_tags={"solution"})
SOLUTIONS = (
    "Its solution is in the cell after that, folded away: click on the bar at its left."
)


class Graded(Preprocessor):
    """Says to nbgrader which cell is an answer, and which checks it for a point.

    What is optional has 0 points: the course gives a bonus for it.
    """

    def preprocess(self, nb, resources):
        """Change a notebook."""
        self.heading = ""
        return super().preprocess(nb, resources)

    def preprocess_cell(self, cell, resources, index):
        """Change one cell."""
        if cell.cell_type == "markdown":
            self.heading = exercise_in(cell.source) or self.heading
        for tag, check in {"exercise": False, "check": True}.items():
            if tagged(cell, tag):
                words = {"grade": check, "locked": check, "solution": not check}
                words |= {"points": 1 - optional(self.heading)} if check else {}
                words |= {"grade_id": cell.id, "schema_version": 3, "task": False}
                cell.metadata["nbgrader"] = words
        return cell, resources


def without_solutions(lesson: Lesson) -> Lesson:
    """Return a lesson without what a student is to find."""
    return replace(lesson, node=process(lesson, UNSOLVED)[0])


def blank(lesson: Lesson) -> Lesson:
    """Return a lesson as a student gets it: neither solutions nor outputs.

    nbgrader can grade it, however it was handed out.
    """
    changes = [UNSOLVED, ClearOutputPreprocessor(), Graded()]
    return replace(lesson, node=process(lesson, *changes)[0])


def make(lessons: list[Lesson], folder: Path, reader: str) -> None:
    """Write the copy of one reader into a folder, and its zip."""
    target = folder / reader
    copy_parts(target, lessons)
    for lesson in lessons:
        path = target / "notebooks" / lesson.path
        write_notebook(lesson.node, path)
        write_files(lesson.beside, path.parent)
    (target / LIGHT).write_text(light_requirements(), "utf-8", newline="\n")
    readme = fill(
        "copy.md",
        title=TITLE,
        reader=reader,
        version=version(target),
        first=f"{lessons[0].name}.ipynb",
        list=LIGHT,
        light=", ".join(f"`{x.name}`" for x in lessons if light(x)),
        solutions=SOLUTIONS if reader == "teacher" else "",
    )
    (target / "README.md").write_text(readme.strip() + "\n", "utf-8", newline="\n")
    pack(target, folder / f"{reader}.zip", f"pixel-{reader}-{version(target)}")


def version(folder: Path) -> str:
    """Return eight digits that are others for each content of a copy."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path != folder / "README.md":
            name = path.relative_to(folder).as_posix().encode()
            content = hashlib.sha256(path.read_bytes()).digest()
            digest.update(hashlib.sha256(name).digest() + content)
    return digest.hexdigest()[:8]


def light_requirements() -> str:
    """Return what the notebooks without a network to train or to measure need."""
    listed = (ROOT / "requirements.txt").read_text("utf-8")
    lines = listed.partition("\n# Networks")[0].splitlines()
    kept = [line.partition("  #")[0] for line in lines if not line.startswith("#")]
    return "\n".join(kept) + "\n"


def light(lesson: Lesson) -> bool:
    """Say whether a lesson needs the light requirements alone."""
    code = [cell.source for cell in lesson.node.cells if cell.cell_type == "code"]
    return "need_networks()" not in "\n".join(code)


def copy_parts(target: Path, lessons: list[Lesson], without: str = "") -> None:
    """Copy what the notebooks import, show and link to; a folder can be left out.

    Pages that link to a notebook which is not handed out have its name as text.
    """
    names = [lesson.name for lesson in lessons]
    for pattern in PARTS:
        for path in ROOT.glob(pattern):
            part = path.relative_to(ROOT).as_posix().removeprefix(without)
            (target / part).parent.mkdir(parents=True, exist_ok=True)
            if path.parent.name == "notebooks":
                text = path.read_text("utf-8")
                text = quiz(text, names) if path.stem == QUESTIONS else text
                text = without_links(text, names)
                (target / part).write_text(text, "utf-8", newline="\n")
            else:
                shutil.copyfile(path, target / part)


def pack(folder: Path, target: Path, top: str) -> None:
    """Write a zip that says nothing of the day and the machine it was made on."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                name = f"{top}/{path.relative_to(folder).as_posix()}"
                entry = zipfile.ZipInfo(name)
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.external_attr = 0o644 << 16
                archive.writestr(entry, path.read_bytes())
