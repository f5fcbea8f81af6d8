"""The table as a person finds it on the page: its lines, and the wheel to get to them."""

from playwright.sync_api import Locator, Page

from tests.waiting import wait_until


def lines(page: Page) -> Locator:
    return page.get_by_role("grid").get_by_role("row").filter(has=page.get_by_role("gridcell"))


def line(page: Page, index: int) -> Locator:
    """The action at this place of the whole list, counted from 0."""
    return page.get_by_role("grid").locator(f'[role=row][aria-rowindex="{index + 2}"]')


def scroll(page: Page, pixels: int) -> None:
    page.get_by_role("grid").hover(position={"x": 300, "y": 200})
    page.mouse.wheel(0, pixels)


def scroll_to_the_end(page: Page) -> None:
    """As a person does: further each time more has been read."""

    def is_there() -> bool:
        scroll(page, 1_000_000)
        return page.get_by_text("this is the oldest").is_visible()

    wait_until(is_there, 60, "scrolled to the end")
