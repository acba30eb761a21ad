"""The anatomy of a lesson: how long it takes to read, where it goes on without a word.

python tests/anatomy.py     a row for each notebook
"""

import ast
import math
import re
import sys

import notebook_checks as checks
from notebook_checks import code_cells, tags

# What a reader needs for it, in seconds.
SECONDS = {"words": 60 / 200, "lines": 4, "figures": 20, "predictions": 15}
# At most, of prose and of open code; minutes, as stated.
TARGETS = {
    name: {"words": words, "lines": lines, "minutes": minutes}
    for name, words, lines, minutes in [
        ("01_translation", 1600, 100, 20),
        ("02_equivariance", 2000, 160, 30),
        ("03_invariance", 2000, 160, 30),
        ("04_tandem", 2000, 160, 30),
        ("05_real_network", 2200, 180, 30),
        ("06_repair", 2200, 180, 30),
        ("07_between_pixels", 2200, 180, 30),
    ]
}
EVIDENCE = 25  # minutes, at most, for a notebook of the evidence
# Not to be read: folded, or part of an exercise.
CLOSED = {"imports", "figure", "layers", "solution", "exercise", "check"}


def lesson_cells(notebook):
    """The cells without those of the exercises, which have minutes of their own."""
    exercise = False
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and (head := re.match("## (.+)", cell.source)):
            exercise = head[1].startswith("On your own")
        if not exercise:
            yield cell


def is_open(cell):
    return cell.cell_type == "code" and not CLOSED & {*tags(cell)}


def words(text):
    """How many words a reader sees: no comments, tags, addresses or marks."""
    text = re.sub(r"(?s)<!--.*?-->|<[^>]+>|(?<=\])\([^)]*\)", " ", text)
    return len(re.findall(r"\S*\w\S*", text))


def lines(cell):
    """Lines of code, alternative texts left out: those are not for the eye."""
    alts = {n for node in checks.alt_nodes(cell) for n in checks.span(node)}
    return [
        line
        for number, line in enumerate(cell.source.splitlines(), 1)
        if line.strip() and number not in alts
    ]


def measure(notebook):
    """Count what takes a reader time, and the minutes, rounded up to five."""
    cells = list(lesson_cells(notebook))
    prose = [cell.source for cell in cells if cell.cell_type == "markdown"]
    figures = [
        output
        for cell in cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if "image/png" in output.get("data", {})
    ]
    counted = {
        "words": sum(map(words, prose)),
        "lines": sum(len(lines(cell)) for cell in cells if is_open(cell)),
        "figures": len(figures),
        "predictions": "\n".join(prose).count("<b>Predict"),
    }
    seconds = sum(counted[what] * each for what, each in SECONDS.items())
    return counted | {"minutes": 5 * math.ceil(seconds / 60 / 5)}


def stated_minutes(notebook):
    (stated,) = re.findall(r"\*\*Time\.\*\* (\d+) minutes", notebook.cells[0].source)
    return int(stated)


def check_minutes(notebook):
    """The minutes that the first cell states are those that it takes."""
    needed, stated = measure(notebook)["minutes"], stated_minutes(notebook)
    return [] if needed == stated else [f"takes {needed} minutes, says {stated}"]


def check_pace(notebook):
    """At most three code cells between two sentences."""
    faults, run = [], []
    for cell in [*lesson_cells(notebook), None]:
        if cell is not None and is_open(cell):
            run.append(cell.id)
        elif cell is None or cell.cell_type == "markdown":
            if len(run) > 3:
                faults.append(f"{len(run)} code cells without a word: {', '.join(run)}")
            run = []
    return faults


def check_silent_cells(notebook):
    """A cell that shows nothing defines what the next one uses."""
    cells = [cell for cell in code_cells(notebook) if "exercise" not in tags(cell)]
    faults = []
    for cell, following in zip(cells, [*cells[1:], None], strict=True):
        if cell.outputs or "imports" in tags(cell):
            continue
        if following is None or not _names(cell, ast.Store) & _names(following):
            faults.append(
                f"shows nothing, and the next cell does not use it: {cell.id}"
            )
    return faults


def _names(cell, context=ast.Load):
    """Names that a cell uses, or those that it defines."""
    names = set()
    for node in ast.walk(ast.parse(cell.source)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, context):
            names.add(node.id)
        elif context is ast.Store:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                names.add(node.name)
            elif isinstance(node, ast.alias):
                names.add((node.asname or node.name).split(".")[0])
            elif isinstance(node, ast.Subscript | ast.Attribute) and isinstance(
                node.ctx, ast.Store
            ):  # what is put into a list or a table
                names |= {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
    return names


def check_lengths(notebook):
    """Twenty lines a cell; one that only draws, folded, may be longer."""
    return [
        f"{len(lines(cell))} lines, more than 20: {cell.id}"
        for cell in code_cells(notebook)
        if is_open(cell) and len(lines(cell)) > 20
    ]


def check_asserts(notebook):
    """An assert in an open cell says in words what it claims."""
    return [
        f"asserts without words: {ast.unparse(node)}"
        for cell in lesson_cells(notebook)
        if is_open(cell)
        for node in ast.walk(ast.parse(cell.source))
        if isinstance(node, ast.Assert) and node.msg is None
    ]


def check_targets(notebook, name):
    found = measure(notebook)
    limits = TARGETS.get(name, {"minutes": EVIDENCE})
    return [
        f"{found[what]} {what}, more than {most}"
        for what, most in limits.items()
        if found[what] > most
    ]


ANATOMY = [check_minutes, check_pace, check_silent_cells, check_lengths, check_asserts]


def main():
    import nbformat

    for path in checks.NOTEBOOKS:
        notebook = nbformat.read(path, as_version=4)
        print(path.stem, measure(notebook), "stated", stated_minutes(notebook))
        if "-v" in sys.argv:
            for check in ANATOMY:
                print(*(f"    {fault}" for fault in check(notebook)), sep="\n")


if __name__ == "__main__":
    main()
