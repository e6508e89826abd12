"""Learning together without showing: sums of moments under masks, and moments across two parties."""

from tastebridge.privacy.federated.aggregate import Member, sum_masked, sum_opened
from tastebridge.privacy.federated.messages import Message
from tastebridge.privacy.federated.vertical import Helper, Party

__all__ = ["Helper", "Member", "Message", "Party", "sum_masked", "sum_opened"]
