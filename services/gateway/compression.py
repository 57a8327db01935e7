"""permessage-deflate (RFC 7692) as an option: what is written to many is compressed once. Used by detach.py.

Without context takeover every message stands alone, so one compressed frame serves everybody.
"""

import zlib
from collections.abc import Sequence

from websockets.exceptions import NegotiationError
from websockets.extensions import Extension
from websockets.extensions.permessage_deflate import PerMessageDeflate, ServerPerMessageDeflateFactory
from websockets.typing import ExtensionParameter

from services.gateway.frames import frame_bytes, split_frames, text_frame

# 4 KiB: longer than nearly every event; a larger window costs more to set up than it saves.
_WINDOW_BITS = 12
_MEMORY_LEVEL = 5
# On JSON the first level gives most of what there is to have, at a third of the time.
_LEVEL = 1
# Shorter ones would hardly shrink; a negotiated peer takes plain frames as well (RFC 7692, section 6).
_SHORTEST_BYTES = 200
_TEXT_FIN_RSV1 = 0xC1
# What a flush ends with, and the peer adds again (RFC 7692, section 7.2.1).
_TAIL = b"\x00\x00\xff\xff"


class SharedDeflateFactory(ServerPerMessageDeflateFactory):
    """Accepts only what lets all peers be served the same bytes: no takeover, one window for all."""

    def __init__(self) -> None:
        super().__init__(
            server_no_context_takeover=True,
            client_no_context_takeover=True,
            server_max_window_bits=_WINDOW_BITS,
        )

    def process_request_params(
        self, params: Sequence[ExtensionParameter], accepted_extensions: Sequence[Extension]
    ) -> tuple[list[ExtensionParameter], PerMessageDeflate]:
        accepted, extension = super().process_request_params(params, accepted_extensions)
        if extension.local_max_window_bits != _WINDOW_BITS:
            raise NegotiationError("a smaller window would need frames of its own")
        return accepted, extension


class Deflater:
    """Compresses frames, and remembers the last: a fan-out writes the same object to everybody in turn."""

    def __init__(self) -> None:
        self._plain = b""
        self._deflated = b""
        self.compressed_count = 0

    def deflate(self, frames: bytes) -> bytes:
        """Return the same frames, compressed where it pays. O(1) for the object of the last call."""
        if frames is not self._plain:
            self._deflated = b"".join(map(_deflate_frame, split_frames(frames)))
            self._plain = frames
            self.compressed_count += 1
        return self._deflated


def _deflate_frame(payload: bytes) -> bytes:
    if len(payload) < _SHORTEST_BYTES:
        return text_frame(payload)
    compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, -_WINDOW_BITS, _MEMORY_LEVEL)
    deflated = compressor.compress(payload) + compressor.flush(zlib.Z_SYNC_FLUSH)
    return frame_bytes(_TEXT_FIN_RSV1, deflated.removesuffix(_TAIL))
