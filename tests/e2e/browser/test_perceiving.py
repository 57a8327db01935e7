"""What is on the page reaches eyes, ears and clipboard: whatever the colours, the script, the connection."""

import httpx2
import pytest
from playwright.async_api import expect

from tests.e2e.browser.conftest import TabFactory
from tests.e2e.browser.tab import Tab
from tests.stack import Stack
from tests.wire import People, eventually

OUTLINE = "element => getComputedStyle(element).outlineStyle"
# Where the letters of each paragraph begin, from the left edge of the text.
STARTS_PX = """text => [...text.querySelectorAll('p')].map(paragraph => {
    const range = document.createRange();
    range.selectNodeContents(paragraph);
    return Math.round(range.getBoundingClientRect().left - text.getBoundingClientRect().left);
})"""
BAR = """[...document.querySelectorAll('meta[name=theme-color]')]
    .filter(meta => matchMedia(meta.media).matches).map(meta => meta.content)"""
HEBREW = "\u05e9\u05dc\u05d5\u05dd"


async def open_room(open_tab: TabFactory, unique: str, **options: object) -> Tab:
    tab = await open_tab(**options)
    await tab.sign_up(f"anna{unique}", "Anna")
    await tab.create_room(f"tea {unique}")
    return tab


async def test_a_message_that_has_the_focus_is_read_with_its_text(open_tab: TabFactory, unique: str) -> None:
    tab = await open_room(open_tab, unique)
    await tab.composer.fill("Is there *any* tea left?")
    await tab.composer.press("Enter")
    await tab.expect_sent("Is there any tea left?")
    await expect(tab.message("tea left")).to_have_accessible_description("Is there any tea left?")


async def test_what_is_copied_has_names_where_the_protocol_has_tokens(
    open_tab: TabFactory, unique: str
) -> None:
    tab = await open_room(open_tab, unique, permissions=["clipboard-read", "clipboard-write"])
    await tab.send("hello")
    await tab.expect_sent("hello")
    await tab.composer.fill(f"@anna{unique} and @here: **tea**")
    await tab.composer.press("Enter")
    await tab.message("tea").hover()
    await tab.message("tea").get_by_role("button", name="Copy text").click()
    await expect(tab.page.get_by_role("status").filter(has_text="Copied.")).to_have_count(1)
    assert await tab.page.evaluate("navigator.clipboard.readText()") == "@Anna and @here: **tea**"


async def test_with_the_systems_colours_one_sees_which_room_is_open_and_where_one_writes(
    open_tab: TabFactory, unique: str
) -> None:
    tab = await open_room(open_tab, unique, forced_colors="active")
    await expect(tab.composer).to_be_focused()
    for marked in (tab.room_link(f"tea {unique}"), tab.page.locator(".composer-box")):
        assert await marked.evaluate(OUTLINE) == "solid"
    await tab.composer.fill("@")
    chosen = tab.page.get_by_role("option", selected=True)
    await expect(chosen).to_contain_text("Anna")  # who comes with the members, before the groups
    assert await chosen.evaluate(OUTLINE) == "solid"


async def test_each_paragraph_goes_the_way_of_its_own_script(open_tab: TabFactory, unique: str) -> None:
    tab = await open_room(open_tab, unique)
    await tab.composer.fill(f"{HEBREW}\n\nEnglish\n\n{HEBREW}")
    await tab.composer.press("Enter")
    starts = await tab.message("English").locator(".message-text").evaluate(STARTS_PX)
    assert starts[1] == 0
    assert min(starts[0], starts[2]) > 100


async def test_who_is_not_connected_yet_is_not_told_to_be_offline(open_tab: TabFactory, unique: str) -> None:
    tab = await open_tab()
    await tab.page.context.route_web_socket("**/ws", lambda _: None)  # opens, and says nothing
    await tab.sign_up(f"anna{unique}")
    await expect(tab.page.get_by_role("status").filter(has_text="Connecting…")).to_be_visible()
    await expect(tab.page.get_by_text("You are offline.")).to_have_count(0)


async def test_a_dialog_keeps_its_size_while_one_searches_and_closes_by_its_backdrop_alone(
    open_tab: TabFactory, unique: str
) -> None:
    tab = await open_room(open_tab, unique)
    await tab.button("Browse rooms").first.click()
    dialog = tab.page.get_by_role("dialog")
    await dialog.get_by_label("Find a room").fill(f"tea {unique}")
    await expect(dialog.get_by_role("button", name=f"Open tea {unique}")).to_be_visible()
    before = await dialog.bounding_box()
    await dialog.get_by_label("Find a room").fill(f"nothing {unique}")
    await expect(dialog.get_by_text("No public room of that name.")).to_be_visible()
    assert await dialog.bounding_box() == before
    assert before is not None
    await tab.page.mouse.click(before["x"] + 0.5, before["y"] + 100)  # its edge, as its scroll bar
    await expect(dialog).to_be_visible()
    await tab.page.mouse.click(5, 5)
    await expect(dialog).to_have_count(0)


async def test_who_has_signed_in_is_told_where_they_are(open_tab: TabFactory, unique: str) -> None:
    tab = await open_tab()
    await tab.sign_up(f"anna{unique}")
    await expect(tab.page.get_by_role("heading", name="Welcome to ChatCraft")).to_be_focused()


async def test_the_browsers_own_bar_has_the_colours_that_were_chosen(
    open_tab: TabFactory, unique: str
) -> None:
    tab = await open_tab(color_scheme="light")
    await tab.sign_up(f"anna{unique}")
    await eventually(lambda: has_bar(tab, "#f4f7f8"))
    page = await tab.open_settings("Appearance")
    await page.get_by_role("combobox", name="Colours").select_option("Dark")
    await eventually(lambda: has_bar(tab, "#13191b"))


async def has_bar(tab: Tab, colour: str) -> bool:
    return bool(await tab.page.evaluate(BAR) == [colour])


async def test_an_error_moves_nothing_that_stands_above_it(open_tab: TabFactory, unique: str) -> None:
    tab = await open_tab()
    field = tab.page.get_by_label("User name or e-mail")
    await expect(tab.button("Create an account")).to_be_visible()  # the last to come
    before = await field.bounding_box()
    await tab.sign_in(f"nobody{unique}", "not the password")
    await expect(tab.page.get_by_role("alert")).not_to_be_empty()
    assert await field.bounding_box() == before


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_what_is_dimmed_can_still_be_read(
    open_tab: TabFactory, stack: Stack, http: httpx2.AsyncClient, scheme: str
) -> None:
    anna = await People(stack.gateway_urls, http).register("anna")
    muted = await anna.create_room()
    await anna.rest("PUT", f"/rooms/{muted}/notify", {"notify": "none"})
    tab = await open_tab(color_scheme=scheme, reduced_motion="reduce")
    await tab.sign_in(anna.user["username"])
    await tab.create_room("tea")
    await tab.page.context.set_offline(True)
    await tab.send("written offline")
    await expect(tab.message("written offline")).to_contain_text("Waiting to be sent")
    await expect(tab.page.locator(".room-link.is-muted")).to_be_visible()
    assert await tab.find_violations() == []


async def test_actions_for_fingers_do_not_lie_on_the_text(open_tab: TabFactory, unique: str) -> None:
    tab = await open_room(open_tab, unique, has_touch=True, is_mobile=True)
    await tab.page.set_viewport_size({"width": 360, "height": 640})
    await tab.send("A message that is long enough to reach from the one edge of the screen to the other.")
    row = tab.message("A message")
    await row.tap()
    actions = await row.get_by_role("toolbar").bounding_box()
    text = await row.locator(".message-text").bounding_box()
    assert actions is not None
    assert text is not None
    assert actions["y"] + actions["height"] <= text["y"]


async def test_the_choice_among_names_stays_in_sight_on_a_low_screen(
    open_tab: TabFactory, unique: str
) -> None:
    tab = await open_room(open_tab, unique)
    await tab.page.set_viewport_size({"width": 720, "height": 220})
    await tab.composer.fill("@")
    # Who comes with the members, before the groups: what is chosen would be another then.
    await expect(tab.page.get_by_role("option", selected=True)).to_contain_text("Anna")
    await tab.composer.press("ArrowUp")
    await expect(tab.page.get_by_role("option", selected=True)).to_contain_text("@here")
    await expect(tab.page.get_by_role("option", selected=True)).to_be_in_viewport(ratio=0.9)
