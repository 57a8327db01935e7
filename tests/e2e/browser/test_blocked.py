"""Where no WebSocket gets through, people talk all the same, and are not bothered with why."""

from urllib.parse import urlsplit

from playwright.async_api import expect

from tests.e2e.browser.conftest import TabFactory
from tests.e2e.browser.plain_proxy import PlainHttpProxy
from tests.e2e.browser.tab import Tab
from tests.stack import Stack


async def test_two_people_talk_without_websocket_and_miss_nothing_after_a_cut(
    open_tab: TabFactory, stack: Stack, unique: str
) -> None:
    ports = [urlsplit(url).port or 0 for url in stack.gateway_urls]
    async with PlainHttpProxy(ports[0]) as first, PlainHttpProxy(ports[1]) as second:
        anna = await open_tab(url=f"http://127.0.0.1:{first.port}")
        bert = await open_tab(url=f"http://127.0.0.1:{second.port}")
        await anna.sign_up(f"anna{unique}", "Anna")
        await bert.sign_up(f"bert{unique}", "Bert")
        await anna.create_room(f"tea {unique}")
        await bert.join_room(f"tea {unique}")
        await anna.send("Is there any tea left?")
        await expect(bert.message("Is there any tea left?")).to_be_visible()
        await bert.send("Plenty.")
        await expect(anna.message("Plenty.")).to_be_visible()
        await anna.expect_sent("Is there any tea left?")

        second.refuse()
        await expect(bert.page.get_by_text("You are offline.")).to_be_visible()
        for number in range(3):
            await anna.send(f"missed {number}")
        await anna.expect_sent("missed 2")  # before what is written meanwhile
        await bert.composer.fill("written meanwhile")
        await bert.composer.press("Enter")
        second.accept()
        await expect(anna.message("written meanwhile")).to_be_visible(timeout=60_000)
        await bert.expect_sent("written meanwhile")
        await anna.send("after it")
        await expect(bert.message("after it")).to_be_visible()
        expected = ["Is there any tea left?", "Plenty.", "missed 0", "missed 1", "missed 2"]
        assert await anna.texts() == await bert.texts() == [*expected, "written meanwhile", "after it"]
        await expect_stream(anna)
        for tab in (anna, bert):
            await tab.page.goto("about:blank")


async def expect_stream(tab: Tab) -> None:
    """Nothing on the page tells of it but one note in the settings."""
    await expect(tab.page.locator(".banner")).to_have_count(0)
    await tab.open_settings("Appearance")
    await expect(tab.page.get_by_text("This network blocks WebSocket")).to_be_visible()
    assert await tab.find_violations() == []
    await tab.button("Close settings").click()


async def test_who_is_online_shows_without_websocket(open_tab: TabFactory, stack: Stack, unique: str) -> None:
    async with PlainHttpProxy(urlsplit(stack.gateway_urls[0]).port or 0) as proxy:
        anna, bert = await open_tab(url=f"http://127.0.0.1:{proxy.port}"), await open_tab(node=1)
        await anna.sign_up(f"anna{unique}", "Anna")
        await bert.sign_up(f"bert{unique}", "Bert")
        await anna.open_dm(f"bert{unique}")
        await expect(anna.room_link("Bert online")).to_be_visible()
        await anna.composer.press_sequentially("Hello")
        await anna.composer.press("Enter")
        await bert.room_link("Anna").click()
        await expect(bert.message("Hello")).to_be_visible()
        await expect(bert.room_link("Anna online")).to_be_visible()
        await anna.page.goto("about:blank")
