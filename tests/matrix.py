"""Run the notebooks as other processors would, and compare; `make matrix` calls it.

python tests/matrix.py [notebooks/01_translation.ipynb …]

Libraries choose their arithmetic by the processor. Each setting makes one of them, or
all, choose as an older processor would. Nothing may differ to the reader but what is
tagged `nbval-ignore-output`; every assert must hold; and it must run to the end.
"""

import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import nbformat
from execute import ENVIRONMENT, execute
from notebook_checks import NOTEBOOKS, code_cells, compare_figures, compare_text

NUMPY = {"NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4"}
OPENCV = {"OPENCV_CPU_DISABLE": "AVX2,FP16,AVX,SSE4.2"}
IPP = {"OPENCV_IPP": "disabled"}
OLDEST = {
    "ATEN_CPU_CAPABILITY": "default",
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "MKL_CBWR": "COMPATIBLE",
    "OPENBLAS_CORETYPE": "Nehalem",
    **NUMPY,
    **OPENCV,
    **IPP,
}


def threads(number: int) -> dict[str, str]:
    return {k: str(number) if "THREADS" in k else v for k, v in ENVIRONMENT.items()}


def pinned(**variables: str) -> dict[str, str]:
    return {**ENVIRONMENT, **variables}


SETTINGS = {
    "nothing pinned": {},
    "1 thread": threads(1),
    "2 threads": threads(2),
    "4 threads": threads(4),
    "ATen default": pinned(ATEN_CPU_CAPABILITY="default"),
    "ATen avx2": pinned(ATEN_CPU_CAPABILITY="avx2"),
    "oneDNN SSE41": pinned(ONEDNN_MAX_CPU_ISA="SSE41"),
    "oneDNN AVX2": pinned(ONEDNN_MAX_CPU_ISA="AVX2"),
    "MKL COMPATIBLE": pinned(MKL_CBWR="COMPATIBLE"),
    "MKL AVX2": pinned(MKL_CBWR="AVX2"),
    "OpenBLAS Nehalem": pinned(OPENBLAS_CORETYPE="Nehalem"),
    "OpenBLAS Sandybridge": pinned(OPENBLAS_CORETYPE="Sandybridge"),
    "OpenBLAS Haswell": pinned(OPENBLAS_CORETYPE="Haswell"),
    "NumPy without AVX2": pinned(**NUMPY),
    "OpenCV without AVX": pinned(**OPENCV),
    "OpenCV without IPP": pinned(**IPP),
    "all of the oldest": pinned(**OLDEST),
}


def run(path: Path, setting: str) -> tuple[float, list[str]]:
    """Return the seconds that a notebook takes under a setting, and what differs."""
    start = time.perf_counter()
    stored = nbformat.read(path, as_version=4)
    again = execute(stored, path.parent, SETTINGS[setting], allow_errors=True)
    seconds = time.perf_counter() - start
    faults = []
    for cell, new in zip(code_cells(stored), code_cells(again), strict=True):
        errors = [f"{o.ename}: {o.evalue}" for o in new.outputs if "ename" in o]
        compared = compare_text(cell, new.outputs), compare_figures(cell, new.outputs)
        faults += [f"{cell.id}: {fault}" for fault in errors or sum(compared, [])]
    return seconds, faults


def results(paths: list[Path]) -> Iterator[tuple[str, Path, float, list[str]]]:
    """Run each notebook under each setting, as many at once as there are processors.

    Those of several threads run one by one: the threads of two would wait for each
    other, ten times as long.
    """
    single = {s for s in SETTINGS if SETTINGS[s].get("OMP_NUM_THREADS") == "1"}
    for workers, settings in (1, SETTINGS.keys() - single), (None, single):
        with ProcessPoolExecutor(workers) as pool:
            jobs = {
                pool.submit(run, path, setting): (setting, path)
                for setting in SETTINGS
                if setting in settings
                for path in paths
            }
            for job in as_completed(jobs):
                yield *jobs[job], *job.result()


def main(paths: list[Path]) -> int:
    """Print notebook × setting: seconds, and the number of cells that differ."""
    print(f"{'':20}", *(f"{path.stem[:2]:>9}" for path in paths), flush=True)
    table, faults = {}, []
    for setting, path, seconds, found in results(paths):
        table[setting, path] = f"{seconds:4.0f} s {len(found):2}"
        faults += [f"{setting}, {fault}" for fault in found]
        row = [table.get((setting, p)) for p in paths]
        if all(row):
            print(f"{setting:20}", *(f"{entry:>9}" for entry in row), flush=True)
    print("seconds, and cells that differ from what is stored")
    print(*sorted(faults), sep="\n")
    return len(faults)


if __name__ == "__main__":
    named = [Path(name).resolve() for name in sys.argv[1:]]
    sys.exit(bool(main(named or NOTEBOOKS)))
