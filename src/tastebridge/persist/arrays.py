"""Arrays under names, as safetensors stores them and bit for bit as they were."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from tastebridge._numerics.packing import pack, unpack
from tastebridge.exceptions import ModelFileError

_FEW = 0.25
"""Below this share of entries that are not zero, a matrix is stored sparsely."""
_PARTS = ("data", "indices", "indptr", "shape")
_WIDEST = 1 << 24
"""Columns a matrix may have, however few items there are: features can be hashed words."""
_TIMES, _ALWAYS = 256, 1 << 28
"""Largest dense size of a matrix stored by its entries: this multiple of their bytes, or these bytes."""

_Stored: TypeAlias = NDArray[Any] | sparse.csr_matrix


class Arrays:
    """Arrays by name, written with :meth:`add` and read with :meth:`get`.

    A product of matrices may differ in the last bit with the memory order of its factors, so the order is
    kept: ``name:T`` holds the transpose of an array in Fortran order. Sparse matrices, and dense ones that
    are mostly zeros, are stored by their entries as ``name:csr.data`` or ``name:few.data`` and so on. Other
    matrices of float32 can be packed, as ``name:codes`` and ``name:scales``, if they were rounded for it.
    """

    def __init__(self, stored: Mapping[str, NDArray[Any]] | None = None) -> None:
        self.stored: dict[str, NDArray[Any]] = dict(stored or {})
        self._prefix, self._storage = "", "exact"
        self._widest: int | None = None

    def under(self, prefix: str) -> Arrays:
        """Return the same arrays with a prefix put before every name."""
        part = Arrays()
        part.stored, part._prefix, part._widest = self.stored, f"{self._prefix}{prefix}/", self._widest
        return part

    def within(self, n_items: int) -> Arrays:
        """Return the same arrays for a model of ``n_items`` items, which bounds the axes of its matrices."""
        part = Arrays()
        part.stored, part._prefix, part._widest = self.stored, self._prefix, max(_WIDEST, n_items)
        return part

    def packed(self, storage: str) -> Arrays:
        """Return the same arrays; float32 matrices added to it are packed, unless ``storage`` is "exact"."""
        part = Arrays()
        part.stored, part._prefix, part._storage = self.stored, self._prefix, storage
        return part

    def add(self, name: str, value: _Stored) -> str:
        """Keep a dense or sparse array under a new name and return the name."""
        name = self._prefix + name
        if sparse.issparse(value):
            self._add_entries(f"{name}:csr", sparse.csr_matrix(value))
        elif _has_few(value):
            self._add_entries(f"{name}:few", sparse.csr_matrix(value))
        elif self._storage != "exact" and value.ndim == 2 and value.dtype == np.float32:
            codes, scales = pack(value, self._storage)
            self.stored.update({f"{name}:codes": codes, f"{name}:scales": scales})
        elif value.flags.f_contiguous and not value.flags.c_contiguous:
            # safetensors writes C order only; the transpose is in C order, and get() turns it back
            self.stored[f"{name}:T"] = value.T
        else:
            self.stored[name] = np.ascontiguousarray(value)
        return name

    def get(self, name: str, *shape: int | None) -> Any:  # noqa: ANN401 - dense or sparse, as it was added
        """Return the array of a name.

        Parameters
        ----------
        name : str
        *shape : int or None
            The expected size of each axis; None for any.

        Raises
        ------
        ModelFileError
            If it is missing, has another shape, or holds a value that is not finite.
        """
        name = self._prefix + name
        value = self._find(name, shape)
        self._check_shape(name, value.shape, shape)
        numbers: NDArray[Any] = cast(sparse.csr_matrix, value).data if sparse.issparse(value) else value
        if numbers.dtype.kind == "f" and not np.isfinite(numbers).all():
            raise ModelFileError(f"the array {name!r} holds values that are not finite.")
        return value

    def has(self, name: str) -> bool:
        """Return whether there is an array of a name."""
        name = self._prefix + name
        return any(f"{name}{ending}" in self.stored for ending in ("", ":T", ":csr.data", ":few.data"))

    def _find(self, name: str, shape: tuple[int | None, ...]) -> _Stored:
        if name in self.stored:
            return self.stored[name]
        if f"{name}:T" in self.stored:
            return self.stored[f"{name}:T"].T
        if f"{name}:csr.data" in self.stored:
            return self._entries(f"{name}:csr")
        if f"{name}:few.data" in self.stored:
            return self._dense(name, shape)
        if f"{name}:codes" in self.stored and f"{name}:scales" in self.stored:
            return self._unpacked(self.stored[f"{name}:codes"], self.stored[f"{name}:scales"], name)
        raise ModelFileError(f"the array {name!r} is missing.")

    def _dense(self, name: str, shape: tuple[int | None, ...]) -> NDArray[Any]:
        """Return a matrix stored by its few entries, after checks that it is not absurdly large."""
        few = self._entries(f"{name}:few")
        self._check_shape(name, few.shape, shape)
        if not _is_worth(few):
            raise ModelFileError(
                f"the array {name!r} of size {few.shape} has too few entries for its size, unlike any saved "
                "model."
            )
        return few.toarray()

    def _check_shape(self, name: str, came: tuple[int, ...], shape: tuple[int | None, ...]) -> None:
        if len(came) != len(shape) or any(w not in (None, c) for w, c in zip(shape, came, strict=True)):
            wanted = " × ".join("any" if size is None else str(size) for size in shape)
            raise ModelFileError(f"the array {name!r} should be of size {wanted}; it is {came}.")
        if self._widest is not None and len(came) == 2 and max(came) > self._widest and None in shape:
            raise ModelFileError(f"the array {name!r} of size {came} is wider than a model can use.")

    def _unpacked(self, codes: NDArray[Any], scales: NDArray[Any], name: str) -> NDArray[np.float32]:
        if codes.ndim != 2 or codes.dtype not in (np.int8, np.float16) or scales.shape != codes.shape[:1]:
            raise ModelFileError(f"the packed matrix {name!r} is broken.")
        return unpack(codes, scales.astype(np.float32))

    def _add_entries(self, name: str, matrix: sparse.csr_matrix) -> None:
        if not matrix.has_canonical_format:
            # sum_duplicates works in place, and the matrix belongs to the model
            matrix = matrix.copy()
            matrix.sum_duplicates()
        parts = (matrix.data, matrix.indices, matrix.indptr, np.array(matrix.shape, dtype=np.int64))
        self.stored.update({f"{name}.{part}": value for part, value in zip(_PARTS, parts, strict=True)})

    def _entries(self, name: str) -> sparse.csr_matrix:
        try:
            data, indices, indptr, shape = (self.stored[f"{name}.{part}"] for part in _PARTS)
            rows, columns = shape.tolist()
            matrix = sparse.csr_matrix((data, indices, indptr), shape=(rows, columns))
            # without the full check, indices out of range would let scipy read beyond the arrays
            matrix.check_format(full_check=True)
        except (KeyError, ValueError, TypeError) as error:
            raise ModelFileError(f"the sparse matrix {name!r} is broken: {error}.") from None
        if not matrix.has_canonical_format:
            raise ModelFileError(f"the sparse matrix {name!r} has columns out of order.")
        return matrix


def _has_few(value: NDArray[Any]) -> bool:
    """Return whether a dense array is to be stored by its entries."""
    few = value.ndim == 2 and np.count_nonzero(value) < _FEW * value.size
    return bool(few) and (value.nbytes <= _ALWAYS or _is_worth(sparse.csr_matrix(value)))


def _is_worth(few: sparse.csr_matrix) -> bool:
    """Return whether a matrix has enough entries to be made dense.

    A hostile file of a few bytes can claim a shape of terabytes.
    """
    rows, columns = few.shape
    # Python's integers: the product of two int64 sizes from a hostile file could overflow
    dense = int(rows) * int(columns) * few.dtype.itemsize
    return dense <= max(_ALWAYS, _TIMES * (few.data.nbytes + few.indices.nbytes + few.indptr.nbytes))
