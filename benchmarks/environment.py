"""The folder of the data, the machine, and the environment of a model's process."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

VARIABLE = "TASTEBRIDGE_DATA"
PACKAGES = ("tastebridge", "numpy", "scipy", "scikit-learn", "pandas", "implicit", "torch", "cmfrec")
RESULTS = Path(__file__).parent / "results"


def data_file(name: str) -> Path:
    """Return the path of a real data file; end the program with a clear message if it is not there."""
    if missing := why_missing(name):
        raise SystemExit(missing)
    return Path(os.environ[VARIABLE]) / name


def why_missing(name: str) -> str | None:
    """Return why a data file cannot be read, or None if it can."""
    folder = os.environ.get(VARIABLE)
    if not folder:
        return f"{name} is needed: set {VARIABLE} to the folder it is in."
    if not (Path(folder) / name).is_file():
        return f"{name} is not in the folder {VARIABLE} names ({folder})."
    return None


def child_environment(threads: int) -> dict[str, str]:
    """Return the environment of a model's process: so many threads, and no forced kernels of OpenBLAS.

    A kernel or cache size forced on OpenBLAS for the sake of repeatable tests would slow some models and not
    others.
    """
    own = {
        name: value
        for name, value in os.environ.items()
        if name not in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
    }
    limits = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
    return own | dict.fromkeys(limits, str(threads))


def versions() -> str:
    """Return the versions of the packages a figure depends on, in one line."""
    found = [f"python {platform.python_version()}"]
    for name in PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return ", ".join(found)


def machine() -> str:
    """Return processor, cores and system, in one line."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        names = [
            row.split(":", 1)[1].strip()
            for row in cpuinfo.read_text().splitlines()
            if row.startswith("model name")
        ]
        model = names[0] if names else model
    return f"{model}, {os.cpu_count()} cores, {platform.system()}"


def peak_megabytes() -> float:
    """Return the most memory this process has held so far.

    ``VmHWM`` and not ``ru_maxrss``: the latter starts from the size of the process that started this one.
    """
    status = Path("/proc/self/status")
    if status.is_file():
        for row in status.read_text().splitlines():
            if row.startswith("VmHWM:"):
                return int(row.split()[1]) / 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
