"""Run notebooks and store their outputs, so that the same run gives the same bytes.

python tests/execute.py notebooks/*.ipynb
"""

import copy
import os
import sys
import time
from pathlib import Path

import nbformat
import psutil
import twins
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpecManager
from nbclient import NotebookClient
from nbformat import NotebookNode

# More than one thread adds in another order each time; progress bars show rates.
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
    "TQDM_DISABLE": "1",
}
CELL_TIMEOUT = 900  # seconds: on a busy machine, training takes minutes
# A PNG would carry the version of Matplotlib.
FIGURES = {"bbox_inches": "tight", "metadata": {"Software": None}}
# What an author writes into a cell; all else is left by tools.
CELL_METADATA = {"alt", "deletable", "editable", "jupyter", "tags"}


def clear(notebook: NotebookNode) -> NotebookNode:
    """Return a copy without outputs and without the traces of tools."""
    notebook = copy.deepcopy(notebook)
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    language = {"name": "python", "file_extension": ".py"}  # as nbconvert asks for it
    notebook.metadata = nbformat.from_dict(
        {"kernelspec": kernel, "language_info": language}
    )
    for cell in notebook.cells:
        for key in cell.metadata.keys() - CELL_METADATA:
            del cell.metadata[key]
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return notebook


def execute(
    notebook: NotebookNode,
    folder: Path,
    environment: dict[str, str] = ENVIRONMENT,
    **options,
) -> NotebookNode:
    """Run a notebook in a folder, with the Python that runs this; return it anew."""
    cleared = clear(notebook)
    manager = AsyncKernelManager(
        kernel_name="python3",
        # No folder to search: a user's own kernel may also be called python3.
        kernel_spec_manager=KernelSpecManager(kernel_dirs=[]),
        transport_encryption="auto",  # without it the kernel prints a warning
    )
    client = NotebookClient(
        copy.deepcopy(cleared),
        km=manager,
        extra_arguments=[f"--InlineBackend.print_figure_kwargs={FIGURES}"],
        resources={"metadata": {"path": str(folder)}},
        timeout=CELL_TIMEOUT,
        record_timing=False,
        store_widget_state=False,
        coalesce_streams=True,
        **options,
    )
    variables = {**os.environ, **environment}
    variables.pop("MPLBACKEND", None)  # it would keep the figures out
    try:
        executed = client.execute(env=variables, cleanup_kc=True)
    except AssertionError as error:  # nbclient's, where a signal ended its kernel
        raise KeyboardInterrupt from error
    executed.metadata = cleared.metadata
    return executed


def store(path: Path) -> None:
    """Run a notebook in its folder and, if all went well, write it back.

    Prints its seconds and its memory: the largest that its kernel held after a cell.
    """
    start, memory = time.perf_counter(), [0]

    def measure(**_):
        kernels = psutil.Process().children(recursive=True)
        memory.append(sum(kernel.memory_info().rss for kernel in kernels))

    print(path, end=": ", flush=True)
    notebook = nbformat.read(path, as_version=4)
    executed = execute(notebook, path.parent, on_cell_executed=measure)
    replace(path, f"{nbformat.writes(executed)}\n".encode())
    if path.stem == twins.LESSON:
        found = twins.answers(executed)
        replace(twins.ANSWERS, found)
        replace(twins.ANIMATION, twins.animation(found))
    print(f"{time.perf_counter() - start:.1f} s, {max(memory) / 1e6:.0f} MB")


def replace(path: Path, content: bytes) -> None:
    """Write a file anew; an interruption or a full disk leaves it as it was."""
    new = path.with_name(f".{path.name}.{os.getpid()}")  # two may run at once
    try:
        new.write_bytes(content)
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def main(names: list[str]) -> None:
    """Store each notebook in turn; say of one that can't be that it is unchanged."""
    for name in names:
        try:
            store(Path(name))
        except OSError as error:
            sys.exit(f"\n{name} can't be stored, and stays as it was: {error}")
        except KeyboardInterrupt:
            sys.exit(f"\nInterrupted: {name} stays as it was.")


if __name__ == "__main__":
    main(sys.argv[1:])
