"""How much is tried at random: little in CI, all with ``TASTEBRIDGE_NIGHTLY=1``, a tenth of it with 0.1."""

import os

SHARE = float(os.environ.get("TASTEBRIDGE_NIGHTLY") or 0)


def trials(usual, whole):
    """The number of trials: ``usual``, or a share of the ``whole`` where that is more."""
    return max(usual, round(SHARE * whole))
