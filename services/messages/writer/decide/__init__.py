"""What each command of a batch does to the batch's state. All checks first, then the changes. No I/O.

A decision returns the encoded result, or None for the caller's Membership, built when the batch is through;
it raises ChatError for a refusal, and then has changed nothing.
"""

from collections.abc import Callable
from typing import Any

from services.messages.writer.decide.marks import mark_read
from services.messages.writer.decide.messages import delete, edit, erase, send
from services.messages.writer.decide.pins import pin, unpin
from services.messages.writer.decide.reactions import add_reaction, erase_reaction, remove_reaction
from services.messages.writer.job import ERASE_MESSAGE, ERASE_REACTION
from services.messages.writer.state import BatchState
from shared.contracts import messages, reactions

DECISIONS: dict[str, Callable[[BatchState, str, Any], bytes | None]] = {
    messages.send.name: send,
    messages.edit.name: edit,
    messages.delete.name: delete,
    messages.mark_read.name: mark_read,
    reactions.add.name: add_reaction,
    reactions.remove.name: remove_reaction,
    reactions.pin.name: pin,
    reactions.unpin.name: unpin,
    ERASE_MESSAGE: erase,
    ERASE_REACTION: erase_reaction,
}
"""By command: called with the state, the caller's id and the request."""
