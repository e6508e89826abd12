"""Privacy: keys, encrypted models, pseudonyms, differentially private moments, federated exchange."""

from tastebridge.privacy.keys import Key, key_from_environment, new_key, read_key, write_key
from tastebridge.privacy.pseudonyms import pseudonymize, pseudonyms_of

__all__ = [
    "Key",
    "key_from_environment",
    "new_key",
    "pseudonymize",
    "pseudonyms_of",
    "read_key",
    "write_key",
]
