"""Long rooms: paging back keeps the place, the bottom sticks, whoever reads above is not moved."""

import json

import httpx2
import pytest
from playwright.async_api import expect

from tests.e2e.browser.conftest import TabFactory
from tests.e2e.browser.tab import PASSWORD, Tab
from tests.stack import Stack
from tests.wire import People, Person, eventually

TOP_OF = """text => [...document.querySelectorAll('.message')]
    .find(each => each.innerText.includes(text))?.getBoundingClientRect().top"""
# Scrolls up in steps like a reader, and measures how far a message moves while nobody scrolls.
READ_BACK = """async log => {
    const middle = () => {
        const line = log.getBoundingClientRect().top + log.clientHeight / 2;
        return [...log.querySelectorAll('.message')].find(each => each.getBoundingClientRect().top > line);
    };
    const topOf = key => log.querySelector(`[data-key="${key}"]`)?.getBoundingClientRect().top;
    const frames = async count => { while (count--) await new Promise(requestAnimationFrame); };
    let [moved, pages, height] = [0, 0, log.scrollHeight];
    for (let step = 0; step < 100 && !document.querySelector('.start-of-room'); step++) {
        log.dispatchEvent(new WheelEvent('wheel'));
        log.scrollTop -= 300;
        await frames(2);
        const key = middle().dataset.key;
        const top = topOf(key);
        for (let frame = 0; frame < 12; frame++) {
            await frames(1);
            moved = Math.max(moved, Math.abs(topOf(key) - top));
        }
        // From one step to the next: a page may also come before the first look.
        if (log.scrollHeight > height + 200) pages++;
        height = log.scrollHeight;
    }
    return {moved, pages};
}"""
# The time's own extent: a box that is too narrow lets its text stick out.
TIME_TO_TEXT_PX = """row => {
    const range = document.createRange();
    range.selectNodeContents(row.querySelector('.message-gutter .message-time'));
    const body = row.querySelector('.message-body').getBoundingClientRect();
    return body.left - range.getBoundingClientRect().right;
}"""
# What moved by itself since the page was loaded; above 0.1 people notice.
LAYOUT_SHIFT = """() => new Promise(resolve => new PerformanceObserver(
    list => resolve(list.getEntries().reduce((sum, entry) => sum + entry.value, 0))
).observe({type: 'layout-shift', buffered: true}) ?? setTimeout(() => resolve(0), 500))"""
# A key that scrolls nothing, less room, and a scroll event of before that is late, as on a busy machine.
SHRINK_AFTER_A_KEY = """log => {
    log.dispatchEvent(new KeyboardEvent('keydown', {key: 'Shift'}));
    log.parentElement.style.paddingBlockEnd = '200px';
    log.scrollTop -= 1;
    log.dispatchEvent(new Event('scroll'));
}"""
STAND_STILL = """async log => {
    let [top, still] = [log.scrollTop, 0];
    while (still < 12) {
        await new Promise(requestAnimationFrame);
        still = log.scrollTop === top ? still + 1 : 0;
        top = log.scrollTop;
    }
}"""
# More than the first answer of a sync fills.
IS_LONG = "document.querySelector('[role=log]')?.scrollHeight > 1700"
DEADLINE_S = 30.0
AT_BOTTOM = (
    "(log => log.scrollHeight - log.scrollTop - log.clientHeight < 2)(document.querySelector('[role=log]'))"
)


async def open_long_room(
    open_tab: TabFactory, stack: Stack, http: httpx2.AsyncClient, unique: str, count: int
) -> tuple[Tab, Person, str]:
    people = People(stack.gateway_urls, http)
    anna = await people.register("anna")
    room_id = await anna.create_room("public")
    for number in range(count):
        await anna.send(room_id, f"number {number:03} " + "and so on " * (number % 7))
    tab = await open_tab()
    await tab.sign_up(f"bert{unique}", "Bert")
    room = await anna.rest("GET", f"/rooms/{room_id}")
    await tab.join_room(room["name"])
    await expect(tab.message(f"number {count - 1:03}")).to_be_visible()
    return tab, anna, room_id


async def scroll_up(tab: Tab) -> None:
    """Turn the wheel, and wait until the list stands still: browsers scroll over several frames."""
    await tab.page.get_by_role("log").hover()
    await tab.page.mouse.wheel(0, -600)
    await expect(tab.button("Newest")).to_be_visible()
    await tab.page.get_by_role("log").evaluate(STAND_STILL)


async def test_paging_back_keeps_the_message_in_place_and_reaches_the_beginning(
    open_tab: TabFactory, stack: Stack, http: httpx2.AsyncClient, unique: str
) -> None:
    tab, _, _ = await open_long_room(open_tab, stack, http, unique, 200)
    await eventually(lambda: tab.page.evaluate(AT_BOTTOM), DEADLINE_S)
    read = await tab.page.get_by_role("log").evaluate(READ_BACK)
    assert read["pages"] >= 2
    assert read["moved"] <= 1
    await expect(tab.page.get_by_text("This is the beginning of the room.")).to_have_count(1)


async def test_nothing_moves_for_whoever_reads_above_and_a_button_counts_what_came(
    open_tab: TabFactory, stack: Stack, http: httpx2.AsyncClient, unique: str
) -> None:
    tab, anna, room_id = await open_long_room(open_tab, stack, http, unique, 60)
    await scroll_up(tab)
    seen = (
        (await tab.page.locator(".message:visible").all_inner_texts())[12]
        .split("and")[0]
        .splitlines()[-1]
        .strip()
    )
    before = await tab.page.evaluate(TOP_OF, seen)
    for number in range(3):
        await anna.send(room_id, f"fresh {number}")
    await expect(tab.button("3 new")).to_be_visible()
    assert await tab.page.evaluate(TOP_OF, seen) == before
    await tab.button("3 new").click()
    await expect(tab.message("fresh 2")).to_be_in_viewport()
    await expect(tab.button("Newest")).to_have_count(0)


async def test_the_bottom_sticks_while_messages_come(
    open_tab: TabFactory, stack: Stack, http: httpx2.AsyncClient, unique: str
) -> None:
    tab, anna, room_id = await open_long_room(open_tab, stack, http, unique, 40)
    for number in range(10):
        await anna.send(room_id, f"fresh {number} " + "and so on " * 30)
    await expect(tab.message("fresh 9")).to_be_in_viewport()
    await tab.page.wait_for_function(AT_BOTTOM)


async def test_a_long_room_that_is_opened_by_its_address_shows_its_newest_message(
    open_tab: TabFactory, stack: Stack, http: httpx2.AsyncClient, unique: str
) -> None:
    tab, _, _ = await open_long_room(open_tab, stack, http, unique, 70)
    await tab.page.reload()
    # Older pages come by themselves: they must not push the newest message out of sight.
    await eventually(lambda: tab.page.evaluate(IS_LONG), DEADLINE_S)
    await eventually(lambda: tab.page.evaluate(AT_BOTTOM), DEADLINE_S)
    await expect(tab.message("number 069")).to_be_in_viewport()
    await expect(tab.button("Newest")).to_have_count(0)


async def test_only_who_scrolls_up_leaves_the_bottom_not_who_presses_a_key_as_it_moves_away(
    open_tab: TabFactory, stack: Stack, http: httpx2.AsyncClient, unique: str
) -> None:
    tab, _, _ = await open_long_room(open_tab, stack, http, unique, 40)
    await tab.page.get_by_role("log").evaluate(SHRINK_AFTER_A_KEY)
    await eventually(lambda: tab.page.evaluate(AT_BOTTOM), DEADLINE_S)
    await expect(tab.message("number 039")).to_be_in_viewport()
    await expect(tab.button("Newest")).to_have_count(0)


async def test_a_room_opens_with_everything_in_its_place(
    open_tab: TabFactory, stack: Stack, http: httpx2.AsyncClient, unique: str
) -> None:
    tab, anna, room_id = await open_long_room(open_tab, stack, http, unique, 2)
    # Of all heights, so that no guess is right, and few, so that the guesses leave room above.
    for number in range(10):
        await anna.send(room_id, f"uneven {number} " + "and so on " * (number % 3 * 40))
    await tab.page.set_viewport_size({"width": 412, "height": 820})
    await tab.page.reload()
    await expect(tab.message("uneven 9")).to_be_visible()
    await tab.page.wait_for_function(AT_BOTTOM)
    assert await tab.page.evaluate(LAYOUT_SHIFT) < 0.05


@pytest.mark.parametrize("locale", ["en-US", "ko-KR", "ar-EG"])
async def test_times_of_grouped_messages_stay_clear_of_the_text_on_a_narrow_screen(
    open_tab: TabFactory, unique: str, locale: str
) -> None:
    tab = await open_tab(locale=locale)
    await tab.sign_up(f"anna{unique}")
    await tab.create_room(f"tea {unique}")
    await tab.page.set_viewport_size({"width": 360, "height": 720})
    for text in ("first", "second"):
        await tab.send(text)
    await tab.message("second").hover()
    assert await tab.message("second").evaluate(TIME_TO_TEXT_PX) >= 2


async def test_hostile_text_is_shown_and_does_nothing(open_tab: TabFactory, unique: str) -> None:
    tab = await open_tab()
    await tab.sign_up(f"anna{unique}")
    await tab.create_room(f"tea {unique}")
    hostile = [
        "<script>document.title='owned'</script>",
        "<img src=x onerror=\"document.title='owned'\">",
        "<a href='javascript:document.title=1'>x</a>",
        "![x](https://example.org/pixel.png)",
        "<style>body{display:none}</style>",
    ]
    for text in hostile:
        await tab.composer.fill(text)
        await tab.composer.press("Enter")
    await expect(tab.page.locator(".message:not(.is-pending)")).to_have_count(len(hostile))
    assert "owned" not in await tab.page.title()
    risky = "document.querySelectorAll('.message-text :is(script, img, style, a[href^=javascript])').length"
    assert await tab.page.evaluate(risky) == 0
    assert json.dumps(PASSWORD) not in await tab.page.content()
