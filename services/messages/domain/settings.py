"""What a room's settings allow, and how they are changed. Pure."""

from datetime import datetime, timedelta

from msgspec import UNSET, structs

from shared.contracts.entities import MemberRole, Mentions, RoomSettings, WhoMay
from shared.contracts.errors import ErrorCode
from shared.contracts.limits import MENTIONED_USERS_MAX
from shared.contracts.rooms import SettingsChange
from shared.errors import ChatError, forbidden, invalid


def change_settings(settings: RoomSettings, change: SettingsChange) -> RoomSettings:
    """Return the settings with what `change` names."""
    named = {name: value for name, value in structs.asdict(change).items() if value is not UNSET}
    return structs.replace(settings, **named)


def check_may(who: WhoMay, role: MemberRole, what: str) -> None:
    """Raise `forbidden` if the room leaves `what` to its moderators and `role` is none."""
    if who == "moderators" and role == "member":
        raise forbidden(f"in this room only moderators may {what}")


def check_pace(
    settings: RoomSettings, role: MemberRole, last_sent_at: datetime | None, now: datetime
) -> None:
    """Raise `rate_limited` where slow mode lets this member wait."""
    if not settings.slow_mode_s or last_sent_at is None or role != "member":
        return
    wait = last_sent_at + timedelta(seconds=settings.slow_mode_s) - now
    if wait > timedelta(0):
        raise ChatError(
            ErrorCode.RATE_LIMITED,
            f"slow mode: one message every {settings.slow_mode_s} s",
            retry_after_ms=int(wait / timedelta(milliseconds=1)) + 1,
        )


def check_mentions(settings: RoomSettings, role: MemberRole, mentions: Mentions) -> None:
    """Raise `invalid_input` for too many people, `forbidden` for a room that this member may not call."""
    if len(mentions.user_ids) > MENTIONED_USERS_MAX:
        raise invalid("text", f"must mention at most {MENTIONED_USERS_MAX} people")
    if mentions.room or mentions.here:
        check_may(settings.who_may_mention_room, role, "mention everybody")
