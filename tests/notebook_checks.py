"""What must hold for a notebook. Each check returns the faults it finds, in words."""

import base64
import html
import json
import re
import statistics
import tempfile
from pathlib import Path
from urllib.parse import unquote

import cv2
import nbformat
import numpy as np
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parent.parent
# Of 255, after a blur over 8×8 pixels: text may be drawn a fraction of a pixel aside
# elsewhere, but a changed patch of that size is found.
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


def check_no_machine_path(notebook):
    here = [p for p in (ROOT, Path.home(), Path(tempfile.gettempdir())) if p.name]
    path = (
        rf"(?:{'|'.join(re.escape(str(p)) for p in here)})\b"
        r"|(?<![\w.])/(?:(?:home|Users)/\w|(?:root|tmp|work|private|var/folders)/)"
        r"|\b[A-Z]:\\Users|(?:site|dist)-packages"
    )
    # Not in the pictures: there, chance alone spells a path now and then.
    parts = [[c.source, c.metadata] for c in notebook.cells]
    parts += _without_pictures(notebook)
    texts = [json.dumps(part, ensure_ascii=False) for part in parts]
    texts = [re.sub(r"\\+", r"\\", text) for text in texts]
    return [f"path of one machine: {m[0]}" for t in texts for m in re.finditer(path, t)]


def _without_pictures(notebook):
    for output in outputs(notebook):
        data = {k: v for k, v in output.get("data", {}).items() if "image/" not in k}
        yield {**output, "data": data}


def check_cell_lengths(notebook):
    faults, lengths = [], []
    for number, cell in enumerate(code_cells(notebook), 1):
        lines = [line.strip() for line in cell.source.splitlines() if line.strip()]
        lengths.append(sum(not line.startswith("#") for line in lines))
        if len(lines) > 20:
            faults.append(f"code cell {number} has {len(lines)} lines, more than 20")
    if statistics.median(lengths) > 4:
        faults.append(f"median of {statistics.median(lengths)} lines of code, not 4")
    if sum(length > 12 for length in lengths) > 2:
        faults.append("more than 2 cells of more than 12 lines of code")
    return faults


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
    ignored = [c for c in code_cells(notebook) if "nbval-ignore-output" in tags(c)]
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
        if re.match(r"https?:|mailto:", target):
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
    r"|(?<=\])\([^)]*\)|https?://\S+|\b10\.\d{4,}/\S+|arxiv[:\s]\s*\S+",  # sources
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


def check_numbers(notebook):
    """Measured numbers of the prose that no text output of the notebook holds.

    Measured is a decimal, a percentage, a duration (but the first cell's minutes of
    reading) or a ratio (3×, not 3×3). An output holds it if it is the same when rounded
    to the decimals of the prose; a percentage only if it is printed as one. Code,
    formulas and sources are left out.
    """
    cells = [c.source for c in notebook.cells if c.cell_type == "markdown"]
    cells[0] = re.sub(r"\d+(\s*[-–]\s*\d+)?\s*min(utes)?\b", "", cells[0])
    prose = NO_PROSE.sub(" ", "\n\n".join(cells))
    printed = list(_numbers("\n".join(map(_text, outputs(notebook)))))
    faults = []
    for value, places, unit, spelling in _numbers(prose):
        measured = unit or places or "." in spelling
        percentage = unit in ("%", "percent")
        if measured and not any(
            abs(number - value) <= 0.5 * 10.0**-places * (1 + 1e-9)
            and percentage == (other in ("%", "percent"))
            for number, _, other, _ in printed
        ):
            faults.append(f"in no output: {spelling}")
    return faults


def _text(output):
    """The text of an output; of a figure none."""
    data = output.get("data", {})
    if "image/png" in data:
        return ""
    page = re.sub(r"(?s)<style.*?</style>|<[^>]+>", " ", data.get("text/html", ""))
    texts = [output.get("text", ""), data.get("text/plain", ""), html.unescape(page)]
    return "\n".join(texts)


# As run


def check_figures(stored: NotebookNode, run: NotebookNode) -> list[str]:
    """Differences, to the eye, between the figures of two runs of a notebook."""
    faults = []
    pairs = zip(code_cells(stored), code_cells(run), strict=True)
    for number, (cell, again) in enumerate(pairs, 1):
        before = [output for output in cell.outputs if _png(output)]
        after = [output for output in again.outputs if _png(output)]
        if len(before) != len(after):
            faults.append(
                f"code cell {number}: {len(before)} figures, now {len(after)}"
            )
            continue
        for old, new in zip(before, after, strict=True):
            if fault := _difference(_png(old), _png(new)):
                faults.append(f"code cell {number}: {fault}")
            was, now = _alt(cell, old), _alt(again, new)
            if was != now and "nbval-ignore-output" not in tags(cell):
                faults.append(f"code cell {number}: alt text {was!r}, now {now!r}")
    return faults


def _difference(before, after):
    """Say how two PNGs differ to the eye; nothing if they do not."""
    old, new = _pixels(before), _pixels(after)
    if old.shape != new.shape:
        return f"a figure of {old.shape}, now {new.shape}"
    largest = np.abs(cv2.blur(old - new, (8, 8))).max()
    return f"a figure differs by {largest:.0f} of 255" if largest > TOLERANCE else ""


def _pixels(png):
    image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    return image.astype(np.float32)
