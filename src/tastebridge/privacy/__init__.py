"""Privacy: keys, encrypted models, pseudonyms, differentially private moments, federated exchange.

A model saved with a key (``save(path, key=…)``) is encrypted by AES-256-GCM
(:mod:`tastebridge.privacy.encryption`). Its users can be stored under keyed pseudonyms.
:class:`PrivateMoments` and :class:`tastebridge.PrivateMapper` learn under differential privacy.
:mod:`tastebridge.privacy.federated` learns from data that stay where they are. The docstring of each states
its guarantee and the limits of it. docs/privacy_audit.md derives the guarantees, and :func:`audited_epsilon`
tests them.
"""

from tastebridge.privacy import federated
from tastebridge.privacy.audit import audited_epsilon, membership_auc
from tastebridge.privacy.budget import Budget, noise_multiplier_for
from tastebridge.privacy.keys import Key, key_from_environment, new_key, read_key, write_key
from tastebridge.privacy.moments import PrivateMoments
from tastebridge.privacy.pseudonyms import pseudonymize, pseudonyms_of

__all__ = [
    "Budget",
    "Key",
    "PrivateMoments",
    "audited_epsilon",
    "federated",
    "key_from_environment",
    "membership_auc",
    "new_key",
    "noise_multiplier_for",
    "pseudonymize",
    "pseudonyms_of",
    "read_key",
    "write_key",
]
