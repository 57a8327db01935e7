"""What is written and not sent: kept through reloads, and at hand on one's other devices."""

from playwright.async_api import expect

from tests.e2e.browser.conftest import TabFactory


async def test_a_draft_is_finished_on_another_device_and_ends_on_both_when_it_is_sent(
    open_tab: TabFactory, unique: str
) -> None:
    here = await open_tab(node=0)
    await here.sign_up(f"anna{unique}")
    await here.create_room(f"tea {unique}")
    there = await open_tab(node=1)
    await there.sign_in(f"anna{unique}")
    await here.composer.press_sequentially("half a sen")
    link = there.room_link(f"tea {unique}")
    await expect(link).to_have_accessible_name(f"tea {unique} room, draft")
    await link.click()
    await expect(there.composer).to_have_value("half a sen")
    await there.composer.press("End")
    await there.composer.press_sequentially("tence")
    await expect(here.composer).to_have_value("half a sentence")
    await there.composer.press("Enter")
    await there.expect_sent("half a sentence")
    await expect(here.composer).to_have_value("")


async def test_a_draft_that_was_written_offline_outlives_a_reload_and_then_goes_to_the_other_device(
    open_tab: TabFactory, unique: str
) -> None:
    here = await open_tab(node=0)
    await here.sign_up(f"anna{unique}")
    await here.create_room(f"tea {unique}")
    there = await open_tab(node=1)
    await there.sign_in(f"anna{unique}")
    await here.page.context.set_offline(True)
    await here.composer.press_sequentially("on the train")
    await here.page.context.set_offline(False)
    await here.page.reload()
    await expect(here.composer).to_have_value("on the train")
    await there.room_link(f"tea {unique}").click()
    await expect(there.composer).to_have_value("on the train")
