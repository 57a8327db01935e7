"""The focus is never lost: what takes its control away leaves it beside that, for keys and screen readers."""

import httpx2
import pytest
from playwright.async_api import expect

from tests.e2e.browser.conftest import TabFactory
from tests.e2e.browser.tab import Tab
from tests.e2e.browser.test_timeline import open_long_room, scroll_up
from tests.stack import Stack

NARROW = {"width": 360, "height": 640}


@pytest.fixture
async def anna(open_tab: TabFactory, unique: str) -> Tab:
    """Somebody in a room of their own."""
    tab = await open_tab()
    await tab.sign_up(f"anna{unique}", "Anna")
    await tab.create_room(f"tea {unique}")
    await expect(tab.composer).to_be_focused()
    return tab


async def test_jumping_to_a_room_leaves_the_open_one_as_it_is_until_another_is_chosen(
    anna: Tab, unique: str
) -> None:
    await anna.create_room(f"coffee {unique}")
    await expect(anna.composer).to_be_focused()
    await anna.composer.fill("half a sen")
    await anna.page.keyboard.press("Control+k")
    await expect(anna.page.locator("#room-filter")).to_be_focused()
    await expect(anna.composer).to_have_value("half a sen")
    await anna.page.keyboard.press("Escape")
    await expect(anna.composer).to_be_focused()
    await anna.page.keyboard.press("Control+k")
    await expect(anna.page.locator("#room-filter")).to_be_focused()
    await anna.page.keyboard.type("tea")
    await anna.page.keyboard.press("Enter")
    await expect(anna.page.get_by_role("heading", name=f"tea {unique}").first).to_be_visible()
    await expect(anna.composer).to_be_focused()


async def test_keys_do_not_reach_behind_a_dialog(anna: Tab) -> None:
    await anna.button("Create a room").first.click()
    name = anna.page.get_by_role("dialog").get_by_label("Name")
    await expect(name).to_be_focused()
    for key in ("Control+k", "F6"):
        await anna.page.keyboard.press(key)
        await expect(name).to_be_focused()


async def test_f6_reaches_the_rooms_also_where_none_is_open(open_tab: TabFactory, unique: str) -> None:
    tab = await open_tab()
    await tab.sign_up(f"anna{unique}")
    await tab.expect_welcomed()
    await expect(tab.button("Direct message", exact=True)).to_be_visible()
    for name in ("Rooms", "Conversation", "Rooms"):
        await tab.page.keyboard.press("F6")
        pane = tab.page.get_by_role("navigation" if name == "Rooms" else "region", name=name, exact=True)
        await expect(pane.first).to_be_focused()


async def test_on_a_narrow_screen_it_goes_along_from_pane_to_pane_and_back(anna: Tab, unique: str) -> None:
    await anna.page.set_viewport_size(NARROW)
    await anna.button("Members,").focus()
    await anna.page.keyboard.press("Enter")
    await expect(anna.page.get_by_role("region", name="Members")).to_be_focused()
    await anna.button("Close members").focus()
    await anna.page.keyboard.press("Enter")
    await expect(anna.button("Members,")).to_be_focused()
    await anna.button("Back to the rooms").focus()
    await anna.page.keyboard.press("Enter")
    await expect(anna.room_link(f"tea {unique}")).to_be_focused()


async def test_it_stays_with_a_message_that_is_deleted(anna: Tab) -> None:
    for text in ("first", "second"):
        await anna.send(text)
        await anna.expect_sent(text)
    await anna.message("second").focus()
    await anna.page.keyboard.press("ArrowUp")
    await anna.page.keyboard.press("Enter")
    await anna.page.keyboard.press("ArrowLeft")
    await anna.page.keyboard.press("Enter")
    await anna.button("Delete message").press("Enter")
    await expect(anna.message("This message was deleted.")).to_be_focused()


async def test_the_beginning_of_a_room_does_not_take_the_messages_out_of_reach(anna: Tab) -> None:
    await anna.send("first")
    await anna.expect_sent("first")
    await anna.message("first").focus()
    for key in ("ArrowUp", "Home"):
        await anna.page.keyboard.press(key)
        await expect(anna.message("first")).to_be_focused()
    await anna.composer.focus()
    await anna.page.keyboard.press("Shift+Tab")
    await expect(anna.message("first")).to_be_focused()


async def test_what_gives_up_a_waiting_message_leaves_it_in_the_room(anna: Tab) -> None:
    await anna.send("stored")
    await anna.expect_sent("stored")
    await anna.page.context.set_offline(True)
    await expect(anna.page.get_by_text("You are offline.")).to_be_visible()
    await anna.send("never sent")
    await anna.message("never sent").get_by_role("button", name="Delete").press("Enter")
    await expect(anna.message("never sent")).to_have_count(0)
    await expect(anna.message("stored")).to_be_focused()
    # Pressed, the button of the banner stays, and afterwards one goes on writing.
    await anna.button("Try now").press("Enter")
    await expect(anna.button("Try now")).to_be_focused()
    await anna.page.context.set_offline(False)
    await expect(anna.composer).to_be_focused(timeout=60_000)


async def test_the_jump_to_the_newest_message_takes_it_along(
    open_tab: TabFactory, stack: Stack, http: httpx2.AsyncClient, unique: str
) -> None:
    tab, _, _ = await open_long_room(open_tab, stack, http, unique, 40)
    await scroll_up(tab)
    await tab.button("Newest").press("Enter")
    await expect(tab.message("number 039")).to_be_focused()
    await expect(tab.button("Newest")).to_have_count(0)


async def test_the_list_keeps_its_order_under_the_arrow_keys(
    open_tab: TabFactory, anna: Tab, unique: str
) -> None:
    await anna.create_room(f"coffee {unique}")
    await expect(anna.composer).to_be_focused()
    bert = await open_tab(node=1)
    await bert.sign_up(f"bert{unique}", "Bert")
    await bert.join_room(f"tea {unique}")
    await anna.room_link(f"coffee {unique}").focus()
    await bert.send("anybody here?")
    link = anna.room_link(f"tea {unique}")
    await expect(link).to_have_accessible_name(f"tea {unique} room, 1 unread")
    await expect(anna.room_link(unique).first).to_contain_text("coffee")
    await anna.page.keyboard.press("ArrowDown")
    await expect(link).to_be_focused()
    await anna.composer.focus()
    await expect(anna.room_link(unique).first).to_contain_text("tea")
