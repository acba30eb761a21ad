"""The figures for slides: each as a PNG, and a sheet that shows what there is."""

import base64
from pathlib import Path

from jinja2 import Environment, FileSystemLoader

from .copies import pack
from .lesson import HERE, ROOT, TITLE, Lesson


def figures_of(lesson: Lesson) -> list[dict]:
    """Return the figures of a lesson: name of a file, picture, words."""
    found: list[dict] = []
    for cell in lesson.node.cells:
        for output in cell.get("outputs", []):
            png = output.get("data", {}).get("image/png")
            if png:
                file = f"{lesson.name}_{len(found) + 1:02}.png"
                words = output.metadata.get("image/png", {}).get("alt", "")
                found.append({"file": file, "png": base64.b64decode(png), "alt": words})
    return found


def make(lessons: list[Lesson], target: Path, stage: Path) -> None:
    """Pack the figures of all lessons, a sheet of them, and whose the photos are."""
    stage.mkdir(parents=True)
    shown = {lesson.title: figures_of(lesson) for lesson in lessons}
    for figures in shown.values():
        for figure in figures:
            stage.joinpath(figure["file"]).write_bytes(figure.pop("png"))
    credits = ROOT.joinpath("images", "README.md").read_text("utf-8")
    stage.joinpath("PHOTOS.md").write_text(credits, "utf-8", newline="\n")
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, keep_trailing_newline=True
    )
    sheet = environment.get_template("figures.html").render(title=TITLE, shown=shown)
    stage.joinpath("figures.html").write_text(sheet, "utf-8", newline="\n")
    pack(stage, target, target.stem)
