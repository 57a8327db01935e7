"""mrkdwn becomes Markdown that says the same, and never a text that a message may not have."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.importing.slack.markdown import Names, link, to_markdown, to_plain
from deploy.importing.slack.splitting import is_message_text, split
from services.messages.domain.mentions import find_mentions
from shared.contracts.limits import MESSAGE_TEXT_MAX

ADA = "0190aaaa-0000-7000-8000-000000000001"
BEN = "0190aaaa-0000-7000-8000-000000000002"
NAMES = Names({"U1": ADA, "W2": BEN}, {"U3": "Cleo"}, {"C1": "general"})

CASES = [
    ("nothing special, 2 - 1 = 1", "nothing special, 2 - 1 = 1"),
    ("*bold* _italic_ ~struck~", "**bold** _italic_ ~~struck~~"),
    ("*bold _and italic_*, _*both*_", "**bold _and italic_**, _**both**_"),
    ("a*b*c 2*3, 2 * 3", r"a\*b\*c 2\*3, 2 * 3"),
    ("*no\nbold*", "\\*no\nbold\\*"),
    ("* a list\n* of two", "* a list\n* of two"),
    ("snake_case_name", "snake_case_name"),
    ("~5 minutes", "~5 minutes"),
    ("`a*b*` and `x &lt; y`", "`a*b*` and `x < y`"),
    ("look: ```*a* &amp;\n  b``` ok", "look: \n```\n*a* &\n  b\n```\n ok"),
    ("``` ```", "''' '''"),
    ("&lt;b&gt; &amp;amp; &amp;lt;", "<b> &amp; &lt;"),
    ("hello <@U1>, <@W2|ben>!", f"hello <@{ADA}>, <@{BEN}>!"),
    ("*<@U1>*", f"**<@{ADA}>**"),
    ("<@U3> <@U4|dee> <@U5>", "@Cleo @dee @U5"),
    ("<!here> <!here|@here> <!channel> <!everyone> <!group>", "<!here> <!here> <!room> <!room> <!room>"),
    ("<!subteam^S1|@team> <!subteam^S2> <!date^1^{date}|today>", "@team @subteam today"),
    ("&lt;!here&gt; &lt;@0190aaaa-0000-7000-8000-000000000001&gt;", rf"<\!here> <\@{ADA}>"),
    ("`<@U1>` ```<!here>```", "`@U1` \n```\nhere\n```"),
    ("<#C1> <#C1|common> <#G9|> <#G9>", "#general #common #private-channel #private-channel"),
    ("<https://a.example/b>", "https://a.example/b"),
    ("<http://a.example|a.example>", "http://a.example"),
    ("<https://a.example/x_(y)?q=1&amp;r=2|the *plan* [1]>", r"[the *plan* \[1\]](https://a.example/x_%28y%29?q=1&r=2)"),
    ("<mailto:a@b.example|a@b.example>", "a@b.example"),
    ("<mailto:a@b.example|mail me>", "[mail me](mailto:a@b.example)"),
    ("<javascript:alert(1)|click> <tel:123|123>", "click 123"),
    (":tada: :wave::skin-tone-2: :party_parrot: 12:30:45", "🎉 👋🏻 :party_parrot: 12:30:45"),
    ("`:tada:`", "`:tada:`"),
    ("&gt; quoted\nanswer", "> quoted\n\nanswer"),
    ("&gt;&gt;&gt; all\nof it", "> all\n> of it"),
    ("# no heading\n#1 is first", "\\# no heading\n#1 is first"),
    ("no heading\n---", "no heading\n\\---"),
    (r"C:\*.txt", r"C:\\\*.txt"),
    ("a\r\nb\x00\x07c\u2028d", "a\nbc\nd"),
    ("\x000\x01 <https://a.example>", "0 https://a.example"),
    ("half a \ud83d pair", "half a \ufffd pair"),
]  # fmt: skip


@pytest.mark.parametrize(("slack", "ours"), CASES, ids=[ascii(case[0])[:40] for case in CASES])
def test_a_text_says_the_same_in_markdown(slack: str, ours: str):
    assert to_markdown(slack, NAMES) == ours


def test_a_label_cannot_break_out_of_its_link():
    assert link("a](https://evil.example) [b", "https://a.example") == (
        r"[a\](https://evil.example) \[b](https://a.example)"
    )
    assert link("x", "https://a.example/ b") == "x"
    assert link("", "https://a.example") == "[https://a.example](https://a.example)"


def test_a_topic_stays_plain():
    assert to_plain("R&amp;D *here* <https://a.example|docs> <!here>") == "R&D *here* docs here"


# Pieces that mean something to Slack, to Markdown, to us, or to nobody.
PIECES = st.sampled_from(
    ["*", "_", "~", "`", "```", "<", ">", "&lt;", "&gt;", "&amp;", "<@U1>", "<@U9|x>", "<!here>",
     "<!channel>", "<!foo|!here>", "<#C1|", "|", ":", ":tada:", "::skin-tone-2:", "<https://a.example|", "\n",
     "\r", "\x00", "\x01", "\x02", "0", "\ud800", "\u2028", " ", "\u200b", "!here", f"@{ADA}", "#", "---",
     "\\", "word", "&gt;&gt;&gt; "]
)  # fmt: skip
TEXTS = st.one_of(
    st.text(max_size=80),
    st.lists(st.one_of(PIECES, st.text(max_size=3)), max_size=40).map("".join),
    st.tuples(PIECES, st.integers(1, 40_000)).map(lambda pair: (pair[0] * pair[1])[:50_000]),
)


@given(TEXTS)
def test_whatever_the_text_each_part_of_it_may_be_a_message(text: str):
    parts = split(to_markdown(text, NAMES))
    assert all(is_message_text(part) and len(part) <= MESSAGE_TEXT_MAX for part in parts)


@given(st.lists(st.one_of(PIECES, st.text(max_size=3)), max_size=40).map("".join))
def test_nobody_is_mentioned_whom_the_text_does_not_mention(text: str):
    found = find_mentions(to_markdown(text, NAMES))
    assert set(found.user_ids) <= ({ADA} if "<@U1" in text else set())
    assert not found.here or "<!here" in text
    assert not found.room or "<!channel" in text


def test_a_long_text_is_cut_between_words_and_its_code_stays_code():
    parts = split("```\n" + "word " * 8_000 + "\n```")
    assert len(parts) == 3
    assert all(part.startswith("```\n") and part.endswith("```") for part in parts)
    assert "".join(parts).replace("`", "").split() == ["word"] * 8_000


def test_a_mention_is_not_cut_in_two():
    parts = split("x" * (MESSAGE_TEXT_MAX - 30) + f"<@{ADA}>" + "y" * 100)
    assert find_mentions(parts[1]).user_ids == [ADA]
    assert "".join(parts).count(f"<@{ADA}>") == 1


def test_what_nobody_can_see_is_no_message():
    assert split(to_markdown("\u200b \n\x07", NAMES)) == []
