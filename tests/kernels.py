"""Run the tests of bits under every kernel of OpenBLAS that this processor has: ``python tests/kernels.py``.

The processor decides which kernel multiplies, and so in which order it sums. Here each is asked for by name
(``OPENBLAS_CORETYPE``), so that one machine shows what holds on others. Names as arguments stand for those
below, and what follows ``--`` is handed on to pytest.
"""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

KERNELS = ("Prescott", "Nehalem", "Sandybridge", "Haswell", "Zen", "SkylakeX")
ALSO = {"Prescott": "Katmai", "Zen": "Haswell"}
"""What OpenBLAS calls kernels that are the same as those asked for."""
TESTS = Path(__file__).parent
PYTEST = ("-m", "pytest", "-m", "bits", "-n", "0", "-q", "-o", "addopts=", "-p", "no:cacheprovider")
SHOW = """
import numpy, scipy.linalg
from threadpoolctl import threadpool_info
blas = [library for library in threadpool_info() if library["user_api"] == "blas"]
print(*sorted({library.get("architecture", library["internal_api"]) for library in blas}))
"""


def main(arguments: list[str]) -> int:
    """Return 1 if a test fails under a kernel, or none could be tested."""
    at = arguments.index("--") if "--" in arguments else len(arguments)
    tested: dict[str, str] = {}
    for name in arguments[:at] or KERNELS:
        active = run(name, "-c", SHOW).stdout.strip()
        if active not in (name, ALSO.get(name)):
            print(f"{name}: skipped, for this processor or BLAS runs {active or 'nothing'} in its place")
        elif active in tested.values():
            print(f"{name}: is the same as {next(one for one in tested if tested[one] == active)}")
        else:
            tested[name] = active
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        passed = list(pool.map(lambda name: passes(name, arguments[at + 1 :]), tested))
    return int(not passed or not all(passed))


def passes(name: str, more: list[str]) -> bool:
    """Say whether the tests pass under a kernel."""
    files = [str(path) for path in sorted(TESTS.rglob("test_*.py")) if "mark.bits" in path.read_text("utf-8")]
    started = time.monotonic()
    done = run(name, *PYTEST, *more, *files)
    summary = done.stdout.strip().splitlines()[-1:]
    print(f"{name}: {' '.join(summary)} [{time.monotonic() - started:.0f} s]", flush=True)
    if done.returncode:
        print(done.stdout, done.stderr, sep="\n", flush=True)
    return not done.returncode


def run(name: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run Python where OpenBLAS is asked for a kernel."""
    environment = {**os.environ, "OPENBLAS_CORETYPE": name}
    command = [sys.executable, *words]
    return subprocess.run(
        command, env=environment, cwd=TESTS.parent, capture_output=True, text=True, check=False
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
