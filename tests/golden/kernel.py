"""One arithmetic for every processor with AVX2, and what else the bits of a fit depend on.

The order in which a product sums, and so its last bits, depends on the kernels that OpenBLAS and numpy choose
for the processor. Where goldens are made both are held to those of Haswell, on one thread.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import scipy.linalg  # noqa: F401 - brings its BLAS along, which is asked below
from threadpoolctl import threadpool_info

import tastebridge

CORE = "Haswell"
ENVIRONMENT = {
    "OPENBLAS_CORETYPE": CORE,
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512F AVX512CD AVX512_KNL AVX512_KNM AVX512_SKX AVX512_CLX "
    "AVX512_CNL AVX512_ICL AVX512_SPR",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
}
"""Names of features differ between versions of numpy; those it does not know it passes over."""
_PACKAGES = ("numpy", "scipy", "implicit", "scikit-learn", "pandas", "pyarrow", "safetensors")


def versions() -> dict[str, str]:
    """Return what must be equal for the bits of a fit to be equal."""
    return {
        "python": ".".join(platform.python_version_tuple()[:2]),
        **{name: metadata.version(name) for name in _PACKAGES},
        "openblas": ", ".join(sorted(str(one["version"]) for one in _blas())),
        "libc": " ".join(platform.libc_ver()),
        "machine": platform.machine(),
        "kernel": kernel(),
    }


def kernel() -> str:
    """Return the kernels in use, by what threadpoolctl and numpy say: ``"Haswell"`` where they are held."""
    blas = {str(one.get("architecture")) for one in _blas()} or {"no OpenBLAS"}
    wide = sorted(name for name in _features() if name.startswith(("AVX512", "X86_V4")))
    return " ".join([*sorted(blas), *wide])


def unlike(recorded: dict[str, str], here: dict[str, str]) -> str:
    """Return in words which versions differ; empty where none does."""
    return "; ".join(
        f"{name} is {here.get(name)} here and was {version} when recorded"
        for name, version in recorded.items()
        if here.get(name) != version
    )


def can_be_held() -> bool:
    """Return whether this processor has what the kernels need."""
    return platform.machine() == "x86_64" and bool({"AVX2", "X86_V3"} & _features())


def run(script: Path, *arguments: str, threads: int = 1) -> subprocess.CompletedProcess[str]:
    """Run a script of this folder in a process of its own, held to the kernels where they are there.

    It gets the package this process has imported, wherever that lies.
    """
    held = ENVIRONMENT if can_be_held() else {}
    held = {name: str(threads) if name.endswith("THREADS") else value for name, value in held.items()}
    source = str(Path(tastebridge.__file__).parent.parent)
    path = os.pathsep.join(filter(None, [source, os.environ.get("PYTHONPATH", "")]))
    environment = {**os.environ, **held, "PYTHONPATH": path}
    command = [sys.executable, str(script), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def _blas() -> list[dict[str, Any]]:
    return [one for one in threadpool_info() if one["internal_api"] == "openblas"]


def _features() -> set[str]:
    shown: Any = np.show_config(mode="dicts")
    known = shown.get("SIMD Extensions", {})
    return {*known.get("baseline", []), *known.get("found", [])}
