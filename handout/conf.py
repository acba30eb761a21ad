"""Settings of the web pages; `build.py` calls Sphinx with them."""

import base64
import hashlib
from pathlib import Path

import nbformat
from docutils import nodes

from handout.web import mathml

HERE = Path(__file__).parent

project = (HERE / "index.md").read_text("utf-8").splitlines()[0].removeprefix("# ")
html_title = project
html_show_sphinx = False
html_show_copyright = False
html_use_index = False
html_favicon = "icon.svg"

extensions = ["myst_nb"]
nb_execution_mode = "off"
nb_merge_streams = True
nb_output_stderr = "remove"
nb_render_markdown_format = "myst"
myst_enable_extensions = ["amsmath", "colon_fence", "dollarmath"]
myst_heading_anchors = 3

html_theme = "sphinx_book_theme"
html_theme_options = {
    "home_page_in_toc": True,
    "navbar_persistent": [],  # or there would be a second search bar
    "use_fullscreen_button": False,
    "toc_title": "On this page",
    "footer_content_items": [],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
html_context = {"default_mode": "auto"}

html_math_renderer = "mathml"
html_static_path = ["style.css"]
html_css_files = ["style.css"]


def add_alt_texts(app, doctree):
    """Give each stored figure the alt text from its metadata, which MyST-NB drops."""
    path = Path(app.env.doc2path(app.env.docname))
    if path.suffix != ".ipynb":
        return
    alts = {}
    for cell in nbformat.read(path, as_version=4).cells:
        for output in cell.get("outputs", []):
            for kind, metadata in output.get("metadata", {}).items():
                if "alt" in metadata:
                    picture = base64.b64decode(output.data[kind])
                    alts[hashlib.sha256(picture).hexdigest()] = metadata["alt"]
    for image in doctree.findall(nodes.image):
        name = Path(image["uri"]).stem  # MyST-NB names a picture by its checksum
        if name in alts:
            image["alt"] = alts[name]
            image["scale"] = 100  # makes it a link to itself: a phone shows it small


def name_cells(app, doctree):
    """Give each code cell an id, so that a page can link to the cell that measures."""
    path = Path(app.env.doc2path(app.env.docname))
    if path.suffix != ".ipynb":
        return
    cells = nbformat.read(path, as_version=4).cells
    for part in doctree.findall(nodes.container):
        if part.get("nb_element") == "cell_code":
            part["ids"].append(f"cell-{cells[part['cell_index']].id}")


def write_formula(writer, node):
    """Write a formula as MathML, which needs neither a script nor a font of ours."""
    writer.body.append(mathml(node.astext(), isinstance(node, nodes.math_block)))
    raise nodes.SkipNode


def setup(app):
    """Connect the above to Sphinx."""
    app.connect("doctree-read", name_cells)
    renderers = (write_formula, None), (write_formula, None)
    app.add_html_math_renderer("mathml", *renderers)
    app.connect("doctree-read", add_alt_texts)
