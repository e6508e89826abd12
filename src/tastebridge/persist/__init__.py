"""Saved models: a folder of arrays, ids and a manifest; no pickle, and no user unless requested."""

from tastebridge.persist.fingerprint import fingerprint
from tastebridge.persist.folder import check_free
from tastebridge.persist.linear import stored_bytes
from tastebridge.persist.reading import broken, read
from tastebridge.persist.saved import Saved
from tastebridge.persist.writing import SaveOptions, save

__all__ = ["SaveOptions", "Saved", "broken", "check_free", "fingerprint", "read", "save", "stored_bytes"]
