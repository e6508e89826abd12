"""Privacy: keys, encrypted models, pseudonyms, differentially private moments, federated exchange."""

from tastebridge.privacy.budget import Budget, noise_multiplier_for
from tastebridge.privacy.keys import Key, key_from_environment, new_key, read_key, write_key
from tastebridge.privacy.moments import PrivateMoments
from tastebridge.privacy.pseudonyms import pseudonymize, pseudonyms_of

__all__ = [
    "Budget",
    "Key",
    "PrivateMoments",
    "key_from_environment",
    "new_key",
    "noise_multiplier_for",
    "pseudonymize",
    "pseudonyms_of",
    "read_key",
    "write_key",
]
