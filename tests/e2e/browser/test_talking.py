"""Two people talk through two gateways, each in a browser of their own."""

from playwright.async_api import expect

from tests.e2e.browser.conftest import TabFactory
from tests.e2e.browser.tab import Tab
from tests.wire import eventually


async def meet(open_tab: TabFactory, unique: str) -> tuple[Tab, Tab]:
    anna, bert = await open_tab(node=0), await open_tab(node=1)
    await anna.sign_up(f"anna{unique}", "Anna")
    await bert.sign_up(f"bert{unique}", "Bert")
    await anna.create_room(f"tea {unique}")
    await bert.join_room(f"tea {unique}")
    return anna, bert


async def test_a_message_reaches_the_other_browser_through_the_other_gateway(
    open_tab: TabFactory, unique: str
) -> None:
    anna, bert = await meet(open_tab, unique)
    await anna.composer.fill("Is there *any* tea left?")
    await anna.composer.press("Enter")
    await expect(bert.message("Is there any tea left?")).to_be_visible()
    await anna.expect_sent("Is there any tea left?")
    await bert.send("Plenty.")
    await expect(anna.message("Plenty.")).to_be_visible()


async def test_edits_and_deletions_show_on_the_other_side(open_tab: TabFactory, unique: str) -> None:
    anna, bert = await meet(open_tab, unique)
    await anna.send("frist")
    await anna.expect_sent("frist")
    await anna.composer.press("ArrowUp")
    await expect(anna.composer).to_have_value("frist")
    await anna.composer.fill("first")
    await anna.composer.press("Enter")
    await expect(bert.message("first")).to_contain_text("(edited)")
    await anna.message("first").hover()
    await anna.message("first").get_by_role("button", name="Delete").click()
    await anna.button("Delete message").click()
    await expect(bert.message("This message was deleted.")).to_be_visible()


async def test_unread_messages_and_mentions_are_counted_until_they_are_read(
    open_tab: TabFactory, unique: str
) -> None:
    anna, bert = await meet(open_tab, unique)
    await bert.create_room(f"elsewhere {unique}")
    await anna.composer.fill("@bert")
    await anna.page.get_by_role("option", name="Bert").click()
    await anna.composer.press("End")
    await anna.composer.type("look here")
    await anna.composer.press("Enter")
    link = bert.room_link(f"tea {unique}")
    await expect(link).to_contain_text("1")
    await expect(link).to_have_accessible_name(f"tea {unique} room, 1 unread, 1 mention")
    await link.click()
    await expect(bert.message("look here")).to_contain_text("@Bert")
    await expect(bert.page.get_by_text("New", exact=True)).to_be_visible()
    await expect(link).to_have_accessible_name(f"tea {unique} room")


async def test_a_direct_message_opens_on_both_sides_with_presence(open_tab: TabFactory, unique: str) -> None:
    anna, bert = await meet(open_tab, unique)
    await anna.open_dm(f"bert{unique}")
    await anna.send("Just between us.")
    await expect(anna.room_link("Bert online")).to_be_visible()
    await bert.room_link("Anna").click()
    await expect(bert.message("Just between us.")).to_be_visible()
    await bert.page.close()
    await expect(anna.room_link("Bert offline")).to_be_visible()


async def test_whoever_types_is_named_to_the_others(open_tab: TabFactory, unique: str) -> None:
    anna, bert = await meet(open_tab, unique)
    shown = bert.page.get_by_text("Anna is typing…")

    async def is_typing_seen() -> bool:
        await anna.composer.press_sequentially("Wait ")
        return await shown.is_visible()

    await eventually(is_typing_seen)  # it is told every 3 s, and shown for 6 s: a busy browser may miss one
    await anna.composer.press("Enter")
    await expect(shown).to_be_hidden()


async def test_leaving_a_room_takes_it_from_the_list(open_tab: TabFactory, unique: str) -> None:
    _, bert = await meet(open_tab, unique)
    await bert.button("Members,").click()
    await expect(bert.page.get_by_role("region", name="Members")).to_contain_text("Anna")
    await bert.button("Leave room").click()
    await bert.page.get_by_role("dialog").get_by_role("button", name="Leave room").click()
    await expect(bert.room_link(f"tea {unique}")).to_have_count(0)


async def test_people_brought_into_a_private_room_see_it_at_once(open_tab: TabFactory, unique: str) -> None:
    anna, bert = await meet(open_tab, unique)
    await anna.create_room(f"secret {unique}", kind="Private")
    await anna.button("Add people").first.click()
    dialog = anna.page.get_by_role("dialog")
    await dialog.get_by_label("Find people").fill(f"bert{unique}")
    await dialog.get_by_text(f"@bert{unique}").click()
    await dialog.get_by_role("button", name="Add to the room").click()
    await expect(bert.room_link(f"secret {unique}")).to_be_visible()
