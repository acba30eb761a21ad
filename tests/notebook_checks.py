"""What must hold for a notebook. Each check returns the faults it finds, in words."""

import ast
import base64
import dataclasses
import html
import json
import re
import tempfile
from collections import Counter
from pathlib import Path
from urllib.parse import unquote

import cv2
import nbformat
import numpy as np
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parent.parent
LESSONS = sorted((ROOT / "notebooks").glob("*.ipynb"))
EVIDENCE = sorted((ROOT / "notebooks" / "evidence").glob("*.ipynb"))
NOTEBOOKS = LESSONS + EVIDENCE
# Of 255, after a blur over 8×8 pixels: text may be drawn a fraction of a pixel aside
# elsewhere, but a changed patch of that size is found. Nothing is excused for another
# kind of processor: emulated ones, with and without fused multiplication, all passed.
TOLERANCE = 12


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def outputs(notebook: NotebookNode) -> list[NotebookNode]:
    return [output for cell in code_cells(notebook) for output in cell.outputs]


def tags(cell: NotebookNode) -> list[str]:
    return cell.metadata.get("tags", [])


def markdown(notebook: NotebookNode) -> str:
    return "\n\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")


# As stored


def check_format(notebook):
    errors = nbformat.validator.iter_validate(notebook)
    return [f"not a valid notebook: {error}" for error in errors]


def check_run_once(notebook):
    counts = [cell.execution_count for cell in code_cells(notebook)]
    once = list(range(1, len(counts) + 1))
    return [] if counts == once else [f"not run once, top to bottom: {counts}"]


def check_no_error(notebook):
    return [f"error: {o.evalue}" for o in outputs(notebook) if o.output_type == "error"]


def check_no_stderr(notebook):
    streams = [o for o in outputs(notebook) if o.output_type == "stream"]
    return [f"stderr: {o.text}" for o in streams if o.name == "stderr"]


def machine_path():
    """A pattern of paths that one machine alone has."""
    here = [p for p in (ROOT, Path.home(), Path(tempfile.gettempdir())) if p.name]
    return re.compile(
        rf"(?:{'|'.join(re.escape(str(p)) for p in here)})\b"
        r"|(?<![\w.])/(?:(?:home|Users)/\w|(?:root|tmp|work|private|var/folders)/)"
        r"|\b[A-Z]:\\Users|(?:site|dist)-packages"
    )


def check_no_machine_path(notebook):
    # Not in the pictures: there, chance alone spells a path now and then.
    parts = [[c.source, c.metadata] for c in notebook.cells]
    parts += _without_pictures(notebook)
    texts = [json.dumps(part, ensure_ascii=False) for part in parts]
    texts = [re.sub(r"\\+", r"\\", text) for text in texts]
    return [
        f"path of one machine: {match[0]}"
        for text in texts
        for match in machine_path().finditer(text)
    ]


# What may be stored: text, tables, pictures and explorers; nothing that one kernel
# alone can show.
MIME_TYPES = {"text/plain", "text/html", "image/png"}


def check_mime_types(notebook):
    kinds = {kind for output in outputs(notebook) for kind in output.get("data", {})}
    pasted = {
        kind
        for cell in notebook.cells
        for pictures in cell.get("attachments", {}).values()
        for kind in pictures
    }
    return [f"stored as {kind}" for kind in sorted((kinds | pasted) - MIME_TYPES)]


def _without_pictures(notebook):
    for output in outputs(notebook):
        data = {k: v for k, v in output.get("data", {}).items() if "image/" not in k}
        yield {**output, "data": data}


def span(node):
    alone = node.lineno == node.end_lineno  # what else stands on the line is code
    return () if alone else range(node.lineno, node.end_lineno + 1)


def alt_nodes(cell):
    """The alternative texts in a cell: of show(figure, alt), alt=…, and alt = …"""
    for node in ast.walk(ast.parse(cell.source)):
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "alt":
            yield node.value
        elif isinstance(node, ast.Call):
            if ast.unparse(node.func) == "show" and len(node.args) > 1:
                yield node.args[1]
            yield from (k.value for k in node.keywords if k.arg == "alt")


def check_no_semicolon(notebook):
    ends = [c.source.rstrip() for c in code_cells(notebook)]
    return [f"nbval ignores the `;` of: {end}" for end in ends if end.endswith(";")]


def check_sizes(notebook):
    faults = [
        f"a figure of {len(png) / 1e3:.0f} kB, more than 300"
        for png in map(_png, outputs(notebook))
        if png and len(png) > 300e3
    ]
    stored = len(nbformat.writes(notebook).encode())
    if stored > 1.5e6:
        faults.append(f"{stored / 1e6:.2f} MB stored, more than 1.5")
    return faults


def _png(output):
    return base64.b64decode(output.get("data", {}).get("image/png", ""))


def _alt(cell, output):
    mimes = output.get("metadata", {}).values()
    alts = [mime["alt"] for mime in mimes if isinstance(mime, dict) and "alt" in mime]
    return (alts or [cell.metadata.get("alt", "")])[0]


def check_alt_texts(notebook):
    faults = []
    for number, cell in enumerate(code_cells(notebook), 1):
        for output in cell.outputs:
            alt = _alt(cell, output).strip()
            pictured = any(mime.startswith("image/") for mime in output.get("data", {}))
            if pictured and (len(alt) < 20 or not alt.endswith(".")):
                faults.append(f"code cell {number}: a figure's alt text is {alt!r}")
    unnamed = r"!\[\s*\]\([^)]*\)|<img(?![^>]*alt=\"[^\"])[^>]*>"
    pictures = re.findall(unnamed, markdown(notebook))
    return faults + [f"no alt text: {picture}" for picture in pictures]


def check_ignored_cells(notebook):
    ignored = [cell for cell in code_cells(notebook) if exempt(cell)]
    faults = [
        f"output ignored, but nothing asserted: {cell.source}"
        for cell in ignored
        if not re.search(r"^\s*assert\b", cell.source, re.MULTILINE)
    ]
    if len(ignored) > 3:
        faults.append(f"{len(ignored)} cells with ignored output, more than 3")
    for cell in code_cells(notebook):
        if "nbval-skip" in tags(cell) or re.search(r"#\s*NBVAL_", cell.source):
            faults.append(f"hidden from nbval: {cell.source}")
    return faults


def import_lines(notebook):
    """The first code cell up to the line that finds helpers.py; alike everywhere."""
    source = code_cells(notebook)[0].source
    return source[: re.search(r"^sys\.path.*|\Z", source, re.MULTILINE).end()]


# Links


def check_links(text: str, folder: Path) -> list[str]:
    """Links of a Markdown text in a folder: to files, and to headings of this text."""
    text = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    prose = re.sub(r"`[^`\n]*`", "", text)
    targets = re.findall(r"\]\(\s*<?([^)\s>]+)", prose)
    targets += re.findall(r"(?:src|href)=\"([^\"]+)\"", prose)
    targets += re.findall(r"^\[[^\]]+\]:\s*(\S+)", prose, re.MULTILINE)
    faults = []
    for target in targets:
        if re.match(r"https?:|mailto:|attachment:", target):
            continue
        path, _, anchor = unquote(target).partition("#")
        if not (folder / path).exists():
            faults.append(f"no file {target}")
        elif anchor and not path and anchor not in _anchors(text):
            faults.append(f"no heading #{anchor}")
    return faults


def _anchors(text):
    """What JupyterLab (`Two-words`) and GitHub (`two-words`) make of a heading."""
    headings = re.findall(r"^#+\s+(.+?)\s*$", text, re.MULTILINE)
    jupyter = {heading.replace(" ", "-") for heading in headings}
    github = {re.sub(r"[^\w-]", "", anchor.lower()) for anchor in jupyter}
    return jupyter | github | set(re.findall(r"(?:id|name)=\"([^\"]+)\"", text))


# Numbers

NUMBER = re.compile(
    r"""
    (?<![^\W_]) (?<!\.) [-−]?  # not within a word or another number
    (?: \d{1,3} (?:,\d{3})+ | \d+ ) (?: \.\d+ )? (?: e[-+−]?\d+ )? (?! \d | \.\d )
    (?P<unit>
        \s* (?: % | percent\b )
        | × (?! \s*\d )
        | \s+ times \s+ (?: as | faster | slower | more | less | larger | smaller )\b
        | \s* (?: ns | µs | μs | us | ms )\b
        | \s+ (?: s | h | min | (?: (?:milli|micro)?second | minute | hour )s? )\b
    )?
    """,
    re.VERBOSE,
)
NO_PROSE = re.compile(
    r"```.*?```|`[^`\n]*`|\$\$.*?\$\$|\$[^$\n]+\$|<!--.*?-->"  # code, formulas
    # links and sources
    r"|(?<=\])\([^)]*\)|https?://\S+|\b10\.\d{4,}/\S+|(?:arxiv|jmlr)[:\s]\s*\S+",
    re.DOTALL | re.IGNORECASE,
)


def _numbers(text):
    """Yield number, decimal places, unit and spelling of each number in a text."""
    for match in NUMBER.finditer(text):
        unit = match["unit"] or ""
        digits = match[0].removesuffix(unit).replace("−", "-").replace(",", "")
        mantissa, _, exponent = digits.partition("e")
        places = len(mantissa.partition(".")[2]) - int(exponent or 0)
        yield float(digits), places, unit.strip(), match[0]


# Behind a number: the code cells that print it and, after a colon, words of the line,
# or the header of a table's row and which of its cells it is: "cat, cell 2".
SOURCE = re.compile(r"<!--\s*([\w-]+(?:\s*,\s*[\w-]+)*)\s*(?::\s*(.*?))?\s*-->")
BLOCK = re.compile(r"\n\s*\n|\n(?=\s*(?:[-*|]|\d+\.)\s)")


SHAPE = re.compile(r"\d[\d,]*(?:\s*×\s*\d[\d,]*)+")


@dataclasses.dataclass(frozen=True)
class Claim:
    """A measured number of the prose, and where it says that it comes from."""

    value: float
    places: int
    kind: str
    spelling: str
    cell: int
    answer: bool = False  # of a question that is asked before the cells that tell
    sources: tuple[str, ...] = ()
    words: str = ""


def _kind(value, places, unit, spelling):
    if unit in ("%", "percent"):
        return "percentage"
    if "." in spelling or places > 0 or "e" in spelling:
        return "decimal"
    return "ratio or duration" if unit else "integer"


def _measured(text):
    """Yield the numbers of a text that somebody counted or measured.

    Those are decimals, percentages, durations, ratios (3×, not 3×3), and whole numbers
    from 10 on, but no years and no shapes (10×10).
    """
    for value, places, unit, spelling in _numbers(SHAPE.sub(" ", text)):
        kind = _kind(value, places, unit, spelling)
        year = re.fullmatch(r"(?:19|20)\d\d", spelling.strip())
        if kind != "integer" or (abs(value) >= 10 and not year):
            yield value, places, kind, spelling


def claims(notebook):
    """Yield the measured numbers of the prose, each with the cells that must hold it.

    A comment binds the numbers of its paragraph, point or row since the last comment.
    Code, formulas, sources and the first cell's minutes of reading are left out.
    """
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type != "markdown":
            continue
        text = cell.source
        if index == 0:
            text = re.sub(r"\d+(\s*[-–]\s*\d+)?\s*min(utes)?\b", "", text)
        answers = re.split(r"(<details>.*?</details>)", text, flags=re.DOTALL)
        for part in answers:
            for block in BLOCK.split(part):
                start = 0
                for source in [*SOURCE.finditer(block), None]:
                    end = source.start() if source else len(block)
                    prose = NO_PROSE.sub(" ", block[start:end])
                    named = source and (re.split(r"\s*,\s*", source[1]), source[2])
                    for number in _measured(prose):
                        yield Claim(
                            *number,
                            index,
                            part.startswith("<details>"),
                            *((tuple(named[0]), named[1] or "") if named else ()),
                        )
                    start = source.end() if source else end


def _group(notebook, index, step):
    """The code cells next to a Markdown cell, up or down to the next Markdown cell."""
    group = []
    while 0 <= (index := index + step) < len(notebook.cells):
        if notebook.cells[index].cell_type == "markdown":
            break
        group.append(notebook.cells[index])
    return group


def evidence(notebook, claim):
    """The text in which a claim's number must stand; None if a source is no cell."""
    cells = {cell.id: cell for cell in code_cells(notebook)}
    if claim.sources:
        if not set(claim.sources) <= cells.keys():
            return None
        printed = "\n".join(
            _text(o) for name in claim.sources for o in cells[name].outputs
        )
        if place := re.fullmatch(r"(.+), cell (\d+)", claim.words):
            rows = [re.split(r"\s{2,}", line.strip()) for line in printed.splitlines()]
            found = [row[int(place[2]) :][:1] for row in rows if row[0] == place[1]]
            return "\n".join(sum(found, []))
        return "\n".join(line for line in printed.splitlines() if claim.words in line)
    above, below = (_group(notebook, claim.cell, step) for step in (-1, 1))
    whole = claim.kind == "integer"
    near = [*(below if claim.answer or whole else []), *([] if claim.answer else above)]
    near += above if claim.answer and whole else []
    texts = [_text(output) for cell in near for output in cell.outputs]
    return "\n".join(texts + [cell.source for cell in near if whole])


def holds(claim, text):
    """Whether a text has a number, rounded to its decimals, of its kind."""
    return any(
        abs(number - claim.value) <= 0.5 * 10.0**-claim.places * (1 + 1e-9)
        and (claim.kind == "percentage") == (unit in ("%", "percent"))
        # A whole number is quoted as it is, not rounded.
        and (claim.kind != "integer" or abs(number) == abs(claim.value))
        for number, _, unit, _ in _numbers(text)
    )


def check_numbers(notebook):
    """Measured numbers of the prose that the cells next to it do not print.

    A decimal, a percentage, a ratio or a duration is printed right above, by the cells
    since the last Markdown cell; in the answer to a question, right below. A whole
    number may stand on either side, and in the code. Everywhere else a comment behind
    the number names the cells that print it, and words of the line if they print many:
    ``0.46<!-- edges-apart: poolings: 0 -->``; or row and cell of a table:
    ``96.0%<!-- all-networks: fine square, cell 3 -->``. A percentage is printed as one.
    """
    faults = []
    for claim in claims(notebook):
        text = evidence(notebook, claim)
        if text is None:
            faults.append(f"no such code cell: {', '.join(claim.sources)}")
        elif not holds(claim, text):
            faults.append(f"not printed where it should be: {claim.spelling.strip()}")
    return faults


def check_cited_ids(notebook):
    """Cells that are cited by a number: an id says what its cell prints."""
    cited = re.findall(SOURCE, markdown(notebook))
    ids = {name for names, _ in cited for name in re.split(r"\s*,\s*", names)}
    words = re.compile(r"[a-z]+(-[a-z]+){0,2}")
    nameless = sorted(name for name in ids if not words.fullmatch(name))
    return [f"cited cells have words as ids, not {name}" for name in nameless]


def check_ids_differ(notebooks):
    """Ids of more than one cell: the cheat sheet looks a cell up in all notebooks."""
    counts = Counter(cell.id for notebook in notebooks for cell in notebook.cells)
    return [f"{count} cells are {name}" for name, count in counts.items() if count > 1]


def exchanges(notebook):
    """Yield each claim with each other number that the notebook prints of its kind.

    That is a number of as many decimals, from a third to three times as large.
    """
    printed = {
        (value, _kind(value, places, unit, spelling), places)
        for value, places, unit, spelling in _numbers(
            "\n".join(_text(output) for output in outputs(notebook))
        )
    }
    for claim in claims(notebook):
        for value, kind, places in printed:
            alike = kind == claim.kind and places == claim.places
            low, high = sorted([claim.value / 3, claim.value * 3])
            if alike and low <= value <= high and value != claim.value:
                yield claim, dataclasses.replace(claim, value=value)


def check_typed_numbers(notebook):
    """Measured numbers that are typed into a title or an alternative text.

    Those are computed there: ``f"{error:.2f} after an odd move"``. A whole number may
    be typed if the cell's own group of code cells holds it, printed or as code.
    """
    faults = []
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type != "code":
            continue
        group = [*_group(notebook, index, -1)[::-1], cell]
        for text, alone in _captions(cell):
            for value, places, kind, spelling in _measured(text):
                claim = Claim(value, places, kind, spelling, index)
                code = "\n".join(c.source for c in group).replace(alone, "")
                printed = "\n".join(_text(o) for c in group for o in c.outputs)
                if kind != "integer" or not holds(claim, f"{code}\n{printed}"):
                    faults.append(
                        f"typed, not computed: {spelling.strip()} in {text!r}"
                    )
    return faults


def _captions(cell):
    """Yield the typed parts of titles and alternative texts, and their source."""
    names = {"title", "titles", "alt"}
    tree = ast.parse(cell.source)
    nodes = list(alt_nodes(cell))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            nodes += [k.value for k in node.keywords if k.arg in names]
            if ast.unparse(node.func) == "show_images":
                nodes += node.args[1:2]
    for node in nodes:
        for part in ast.walk(node):
            if isinstance(part, ast.Constant) and isinstance(part.value, str):
                yield part.value, part.value


def _text(output):
    """The text of an output; of a figure, its words, and of stderr none."""
    data = output.get("data", {})
    in_words = data.get("text/html", "").startswith("<details><summary>The figure")
    if "image/png" in data or in_words or output.get("name") == "stderr":
        return ""
    page = data.get("text/html", "")
    page = re.sub(r"(?s)<(style|script).*?</\1>|<[^>]+>", " ", page)
    texts = [output.get("text", ""), data.get("text/plain", ""), html.unescape(page)]
    return "\n".join(texts)


# As run


def exempt(cell: NotebookNode) -> bool:
    """Whether a cell's output may differ from machine to machine.

    nbval asks the same tag before it compares the text.
    """
    return "nbval-ignore-output" in tags(cell)


def compare_figures(cell: NotebookNode, again: list[NotebookNode]) -> list[str]:
    """Differences, to the eye and to the ear, between a cell's figures and new ones."""
    if exempt(cell):
        return []
    before = [output for output in cell.outputs if _png(output)]
    after = [output for output in again if _png(output)]
    if len(before) != len(after):
        return [f"{len(before)} figures, now {len(after)}"]
    faults = []
    for old, new in zip(before, after, strict=True):
        faults += _difference(_png(old), _png(new))
        was, now = _alt(cell, old), _alt(cell, new)
        if was != now:
            faults.append(f"alt text {was!r}, now {now!r}")
    return faults


def compare_text(cell: NotebookNode, again: list[NotebookNode]) -> list[str]:
    """The difference between what a cell printed and prints; progress bars left out."""
    if exempt(cell):
        return []
    was, now = ("".join(_text(o) for o in outs) for outs in (cell.outputs, again))
    return [] if was == now else [f"printed {was!r}, now {now!r}"]


def _difference(before, after):
    """Say how two PNGs differ to the eye; nothing if they do not."""
    old, new = _pixels(before), _pixels(after)
    if old.shape != new.shape:
        return [f"a figure of {old.shape}, now {new.shape}"]
    largest = np.abs(cv2.blur(old - new, (8, 8))).max()
    return [f"a figure differs by {largest:.0f} of 255"] if largest > TOLERANCE else []


def _pixels(png):
    image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    return image.astype(np.float32)
