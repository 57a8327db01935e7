"""The rules of rooms and messages, without any server."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.messages.domain import access
from services.messages.domain.catching_up import choose_state
from services.messages.domain.cursors import decode_cursor, encode_cursor
from services.messages.domain.frames import room_frame, user_frame
from services.messages.domain.mentions import find_mentions
from services.messages.domain.pages import Anchor, choose_window, fit, kept_index
from services.messages.domain.reading import count_unread, moves
from shared.contracts.entities import Position
from shared.contracts.fields import Id
from shared.contracts.sync import HeldPosition
from shared.errors import ChatError
from shared.ids import new_id


class TestMentions:
    def test_tokens_are_found_once_each_in_order_of_appearance(self):
        ann, ben = new_id(), new_id()
        found = find_mentions(f"<@{ben}> hi <@{ann}>, <@{ben}> <!here>")
        assert (found.user_ids, found.here, found.room) == ([ben, ann], True, False)

    @pytest.mark.parametrize(
        "text",
        [
            *("<@ann>", "@here", "<!all>", "<@>", "<!room", "plain"),
            pytest.param(f"<@{new_id().upper()}>", id="an id in capitals"),
        ],
    )
    def test_what_only_looks_like_a_token_is_text(self, text: str):
        assert find_mentions(text) == find_mentions("")


class TestAccess:
    def test_a_closed_room_does_not_exist_and_a_public_one_is_closed(self):
        assert access.refuse_outsider("private").code == "not_found"
        assert access.refuse_outsider("dm").code == "not_found"
        assert access.refuse_outsider("public").code == "forbidden"

    @pytest.mark.parametrize(
        ("actor", "target", "may"),
        [
            ("owner", "owner", True), ("owner", "moderator", True), ("owner", "member", True),
            ("moderator", "owner", False), ("moderator", "moderator", True), ("moderator", "member", True),
            ("member", "member", False),
        ],
    )  # fmt: skip
    def test_nobody_removes_those_above(self, actor: str, target: str, may: bool):
        if may:
            access.check_removable(actor, target)
        else:
            with pytest.raises(ChatError):
                access.check_removable(actor, target)

    def test_the_last_owner_may_go_only_when_alone(self):
        access.check_owner_stays("owner", 1, 1)
        access.check_owner_stays("owner", 2, 5)
        access.check_owner_stays("moderator", 1, 5)
        with pytest.raises(ChatError):
            access.check_owner_stays("owner", 1, 2)


class TestReading:
    def test_unread_are_those_above_the_mark_without_own_ones(self):
        assert count_unread(last_seq=10, read_seq=4, own_above=2) == 4
        assert count_unread(last_seq=3, read_seq=3, own_above=0) == 0

    def test_a_mark_moves_forward_unless_set_exactly(self):
        assert moves(3, 4, is_exact=False)
        assert not moves(3, 2, is_exact=False)
        assert moves(3, 2, is_exact=True)
        assert not moves(3, 3, is_exact=True)


class TestPages:
    @given(
        st.integers(1, 5), st.integers(0, 40), st.integers(1, 20),
        st.one_of(
            st.just(Anchor()),
            st.builds(lambda seq: Anchor(before=seq), st.integers(0, 60)),
            st.builds(lambda seq: Anchor(after=seq), st.integers(0, 60)),
            st.builds(lambda seq: Anchor(around=seq), st.integers(0, 60)),
        ),
    )  # fmt: skip
    def test_a_window_is_what_a_walk_over_the_timeline_would_find(
        self, first: int, length: int, limit: int, anchor: Anchor
    ):
        last = first + length - 1
        seqs = list(range(first, last + 1))
        low, high = choose_window(anchor, first, last, limit)
        window = list(range(low, high + 1))
        assert len(window) <= limit
        assert set(window) <= set(seqs)
        if anchor.after is not None:
            assert window == [seq for seq in seqs if seq > anchor.after][:limit]
        elif anchor.around is not None:
            assert len(window) == min(limit, length)
            assert not length or max(first, min(anchor.around, last)) in window
        else:
            bound = last + 1 if anchor.before is None else anchor.before
            assert window == [seq for seq in seqs if seq < bound][-limit:]
        # What is said to lie beyond: nothing before means that the window begins at the first.
        assert (low > first) == any(seq < low for seq in seqs)
        assert (high < last) == any(seq > high for seq in seqs)

    @given(st.lists(st.integers(1, 50), min_size=1, max_size=20), st.integers(0, 300), st.data())
    def test_a_page_that_is_too_large_keeps_its_anchor_and_what_fits_around_it(
        self, sizes: list[int], budget: int, data: st.DataObject
    ):
        keep = data.draw(st.integers(0, len(sizes) - 1))
        part = fit(sizes, budget, keep)
        used = sum(sizes[part])
        assert part.start <= keep < part.stop
        assert used <= budget or part == slice(keep, keep + 1)
        if part.start > 0 and part.stop < len(sizes):
            assert used + min(sizes[part.start - 1], sizes[part.stop]) > budget or sizes[keep] > budget

    def test_an_empty_page_fits(self):
        assert [][fit([], 100, kept_index(Anchor(), choose_window(Anchor(), 1, 0, 5)))] == []


class TestCatchingUp:
    @pytest.mark.parametrize(
        ("held", "state"),
        [
            (None, "new"), (HeldPosition(2, 600), "current"), (HeldPosition(2, 599), "caught_up"),
            (HeldPosition(2, 100), "caught_up"), (HeldPosition(2, 99), "reset"),
            (HeldPosition(2, 601), "reset"),
            (HeldPosition(1, 600), "reset"), (HeldPosition(3, 600), "reset"),
        ],
    )  # fmt: skip
    def test_the_state_says_what_follows_from_the_position(self, held: HeldPosition | None, state: str):
        assert choose_state(held, Position(2, 600)) == state


class TestCursors:
    def test_a_cursor_gives_back_its_key(self):
        key = ("näme", new_id())
        assert decode_cursor(encode_cursor(key), tuple[str, Id]) == key

    @pytest.mark.parametrize("cursor", ["x", "AAAA", "e30", "WyJhIl0", "====", "WzEsMl0"])
    def test_what_is_no_cursor_names_its_field(self, cursor: str):
        with pytest.raises(ChatError) as refused:
            decode_cursor(cursor, tuple[str, Id])
        assert refused.value.body.details["fields"][0]["path"] == "cursor"


def test_frames_are_the_bytes_of_the_protocol():
    room_id = new_id()
    assert room_frame("message.created", room_id, 1, 43, b'{"id":1}') == (
        b'{"ev":"message.created","room_id":"%b","epoch":1,"rev":43,"d":{"id":1}}' % room_id.encode()
    )
    assert user_frame("read.updated", 12, b"{}") == b'{"ev":"read.updated","user_rev":12,"d":{}}'
