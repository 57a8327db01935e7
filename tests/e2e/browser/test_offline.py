"""A connection that goes and comes back: nothing is missing, nothing is there twice."""

from collections.abc import Callable

from playwright.async_api import Route, WebSocketRoute, expect

from tests.e2e.browser.conftest import TabFactory
from tests.e2e.browser.tab import Tab
from tests.stack import Stack
from tests.wire import eventually

# What the outbox has on disk.
COUNT_STORED = """async () => {
    const done = request => new Promise((resolve, reject) => {
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
    });
    const database = await done(indexedDB.open('chatcraft'));
    const count = await done(database.transaction('outbox').objectStore('outbox').count());
    database.close();
    return count;
}"""


async def meet(open_tab: TabFactory, unique: str, url: str | None = None) -> tuple[Tab, Tab]:
    anna, bert = await open_tab(node=0, url=url), await open_tab(node=1, url=url)
    await anna.sign_up(f"anna{unique}", "Anna")
    await bert.sign_up(f"bert{unique}", "Bert")
    await anna.create_room(f"tea {unique}")
    await bert.join_room(f"tea {unique}")
    await anna.send("hello")
    await expect(bert.message("hello")).to_be_visible()
    return anna, bert


async def test_who_was_offline_comes_back_to_all_that_was_said(open_tab: TabFactory, unique: str) -> None:
    anna, bert = await meet(open_tab, unique)
    await bert.page.context.set_offline(True)
    await expect(bert.page.get_by_text("You are offline.")).to_be_visible()
    for number in range(5):
        await anna.send(f"missed {number}")
    await anna.expect_sent("missed 4")  # before what is written offline
    await bert.send("written offline")
    await expect(bert.message("written offline")).to_contain_text("Waiting to be sent")
    await bert.page.context.set_offline(False)
    await expect(bert.page.get_by_text("You are offline.")).to_be_hidden(timeout=60_000)
    await expect(anna.message("written offline")).to_be_visible()
    await bert.expect_sent("written offline")
    expected = ["hello", *(f"missed {number}" for number in range(5)), "written offline"]
    assert await bert.texts() == expected
    assert await anna.texts() == expected


async def has_stored(tab: Tab, count: int) -> bool:
    return bool(await tab.page.evaluate(COUNT_STORED) == count)


async def test_a_full_outbox_survives_a_reload_and_is_sent_once(open_tab: TabFactory, unique: str) -> None:
    anna, bert = await meet(open_tab, unique)
    is_cut = True

    async def on_request(route: Route) -> None:
        await (route.abort() if is_cut else route.continue_())

    async def on_socket(socket: WebSocketRoute) -> None:
        if is_cut:
            await socket.close(code=4000)
        else:
            socket.connect_to_server()

    await bert.page.context.set_offline(True)
    await expect(bert.page.get_by_text("You are offline.")).to_be_visible()
    for number in range(3):
        await bert.send(f"unsent {number}")
    await eventually(lambda: has_stored(bert, 3))
    # From here on the page can be loaded, but rooms cannot be reached. It is left before that: routes are
    # for the sockets of pages to come, and this one would send as soon as it is online.
    await bert.page.context.route("**/api/v1/rooms/**", on_request)
    await bert.page.context.route_web_socket("**/ws", on_socket)
    place = bert.page.url
    await bert.page.goto("about:blank")
    await bert.page.context.set_offline(False)
    await bert.page.goto(place)
    await bert.expect_signed_in()
    await expect(anna.message("unsent")).to_have_count(0)
    is_cut = False
    for number in range(3):
        await expect(anna.message(f"unsent {number}")).to_be_visible(timeout=60_000)
        await bert.expect_sent(f"unsent {number}")
    assert await anna.texts() == await bert.texts() == ["hello", "unsent 0", "unsent 1", "unsent 2"]


async def test_a_restarted_gateway_is_found_again_and_nothing_is_missing(
    open_tab: TabFactory, stack_factory: Callable[..., Stack], unique: str
) -> None:
    async with stack_factory(counts={"gateway": 1, "messages": 1}) as stack:
        anna, bert = await meet(open_tab, unique, url=stack.gateway_urls[0])
        await stack.kill("gateway")
        await bert.composer.fill("during the outage")
        await bert.composer.press("Enter")
        await stack.restart("gateway")
        await expect(anna.message("during the outage")).to_be_visible(timeout=60_000)
        await bert.expect_sent("during the outage")
        await anna.send("after it")
        await expect(bert.message("after it")).to_be_visible()
        assert await anna.texts() == await bert.texts() == ["hello", "during the outage", "after it"]
        for tab in (anna, bert):
            await tab.page.goto("about:blank")
