"""The student's and the teacher's copy: folders, and zips of them, that run alone."""

import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

from nbconvert.preprocessors import ClearOutputPreprocessor, TagRemovePreprocessor

from .lesson import ROOT, TITLE, Lesson, fill, process, write_notebook

MODULES = ["arguments", "figures", "pixels", "helpers", "consistency", "layers"]
# What a copy needs beside its notebooks to run on its own.
PARTS = [*(f"{name}.py" for name in [*MODULES, "exercises"]), "requirements.txt"]
PARTS += ["explore/*", "LICENSE", "images/*", "notebooks/glossary.md"]
UNSOLVED = TagRemovePreprocessor(remove_cell_tags={"solution"})
SOLUTIONS = (
    "Its solution is in the cell after that, folded away: click on the bar at its left."
)


def without_solutions(lesson: Lesson) -> Lesson:
    """Return a lesson without what a student is to find."""
    return replace(lesson, node=process(lesson, UNSOLVED)[0])


def blank(lesson: Lesson) -> Lesson:
    """Return a lesson as a student gets it: neither solutions nor outputs."""
    return replace(lesson, node=process(lesson, UNSOLVED, ClearOutputPreprocessor())[0])


def make(lessons: list[Lesson], folder: Path, reader: str) -> None:
    """Write the copy of one reader into a folder, and its zip."""
    target = folder / reader
    copy_parts(target)
    for lesson in lessons:
        write_notebook(lesson.node, target / "notebooks" / f"{lesson.name}.ipynb")
    readme = fill(
        "copy.md",
        title=TITLE,
        reader=reader,
        first=f"{lessons[0].name}.ipynb",
        solutions=SOLUTIONS if reader == "teacher" else "",
    )
    (target / "README.md").write_text(readme.strip() + "\n", "utf-8", newline="\n")
    pack(target, folder / f"{reader}.zip")


def copy_parts(target: Path) -> None:
    """Copy what the notebooks import, show and link to."""
    for pattern in PARTS:
        for path in sorted(ROOT.glob(pattern)):
            copied = target / path.relative_to(ROOT)
            copied.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copied)


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
