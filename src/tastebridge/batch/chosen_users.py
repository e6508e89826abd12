"""The users that a batch is restricted to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tastebridge.batch.schema import id_type
from tastebridge.data.coding import encode
from tastebridge.data.types import Ids


@dataclass(frozen=True)
class ChosenUsers:
    """Ids of users, with the type of the ids in a table of events.

    Attributes
    ----------
    ids : Array
        The distinct ids that the column can hold.
    n_asked : int
        The number of distinct ids that were asked for.
    """

    ids: pa.Array
    n_asked: int

    @classmethod
    def of(cls, users: Ids, schema: pa.Schema) -> ChosenUsers:
        """Return the users of a list; an id such as 7 and the text "7" match, on either side.

        A text such as ``007`` is no whole number, and stays apart from 7.
        """
        ids = encode(users, "users").ids
        kind = schema.field("user_id").type
        kind = kind.value_type if pa.types.is_dictionary(kind) else kind
        whole = id_type(kind) == pa.int64()
        if whole and ids.dtype != np.int64:
            found = [int(one) for one in ids.tolist() if one.removeprefix("-").isdecimal()]
            fitting = [one for one in found if str(one) in set(ids.tolist()) and abs(one) < 2**63]
            return cls(pa.array(fitting, pa.int64()).cast(kind), len(ids))
        values = ids.tolist() if whole else [str(one) for one in ids.tolist()]
        return cls(pa.array(values, id_type(kind)).cast(kind), len(ids))

    def rows(self, table: pa.Table) -> pa.Table:
        """Return the rows of the users."""
        return table.filter(pc.is_in(table["user_id"], value_set=self.ids))
