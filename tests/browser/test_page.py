"""The page in a real browser: it opens from a file without a request, complete without its script, for everyone."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from harness.report.html import render
from tests.unit.report import builders

pytestmark = pytest.mark.browser

CHROMIUM = "/usr/bin/chromium"
Open = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        # Chromium's own sandbox needs user namespaces, which root in a container does not have.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    for path, content in render(builders.report()).items():
        (folder / path).write_bytes(content)
    return folder


@pytest.fixture
def open_page(browser: Browser, folder: Path) -> Iterator[Open]:
    """Open the page; on the way out nothing may have been said on the console, and no request have left the file."""
    contexts: list[BrowserContext] = []
    said: list[str] = []
    requests: list[str] = []

    def opened(hash_: str = "", **options: object) -> Page:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(f"{(folder / 'index.html').as_uri()}{hash_}")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert said == []
    assert [url for url in requests if not url.startswith(("file://", "data:"))] == []
    assert all(url.split("#")[0].endswith(("index.html", "data:,")) for url in requests)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_page_when_checked_by_axe_then_no_findings(open_page: Open, scheme: str, width: int) -> None:
    page = open_page(color_scheme=scheme, viewport={"width": width, "height": 900})
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()


@pytest.mark.parametrize("width", [1280, 1000, 768, 390, 320])
def test_page_when_narrow_then_nothing_reaches_past_the_side(open_page: Open, width: int) -> None:
    page = open_page(viewport={"width": width, "height": 844})
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_page_when_script_is_off_then_complete_and_without_dead_controls(open_page: Open) -> None:
    page = open_page(java_script_enabled=False)
    expect(page.locator(".board tr.claim")).to_have_count(len(builders.verdicts()))
    expect(page.locator("#filters")).to_be_hidden()
    page.locator("#claim-manual_is_faster summary").click()
    expect(page.locator("#claim-manual_is_faster .answer")).to_be_visible()


def test_page_when_opened_then_the_first_answer_needs_no_scrolling(open_page: Open) -> None:
    box = open_page().locator(".board tr.claim").first.bounding_box()
    assert box is not None
    assert box["y"] + box["height"] < 900


def test_filter_when_chosen_then_rows_count_and_address_follow(open_page: Open) -> None:
    page = open_page()
    page.select_option("select[name=verdict]", "refuted")
    expect(page.locator(".board tr.claim:visible")).to_have_count(2)
    expect(page.locator("#shown")).to_have_text("2 of 6 claims shown")
    expect(page.locator("tbody[data-group=speed]")).to_be_hidden()
    assert page.url.endswith("#verdict=refuted")
    page.locator("button[type=reset]").click()
    expect(page.locator(".board tr.claim:visible")).to_have_count(6)
    assert "#" not in page.url


def test_filter_when_narrow_then_hidden_rows_stay_hidden(open_page: Open) -> None:
    page = open_page("#verdict=depends", viewport={"width": 390, "height": 844})
    expect(page.locator(".board tr.claim:visible")).to_have_count(1)


def test_filter_when_in_the_address_then_applied_and_unknown_values_ignored(open_page: Open) -> None:
    page = open_page("#language=java&lane=nonsense&sort=effect")
    assert page.input_value("select[name=language]") == "java"
    assert page.input_value("select[name=lane]") == ""
    expect(page.locator(".board tr.claim:visible")).to_have_count(0)
    expect(page.locator("#shown")).to_have_text("0 of 6 claims shown")


def test_sort_when_by_effect_then_the_largest_first_and_back(open_page: Open) -> None:
    page = open_page()
    rows = page.locator("tbody[data-group=speed] tr.claim .c-answer a")
    before = rows.all_inner_texts()
    page.select_option("select[name=sort]", "effect")
    assert rows.first.inner_text().startswith("The stack is faster")
    page.select_option("select[name=sort]", "")
    assert rows.all_inner_texts() == before


def test_claim_when_linked_to_then_open(open_page: Open) -> None:
    page = open_page("#claim-reuse_is_faster")
    expect(page.locator("#claim-reuse_is_faster .answer")).to_be_visible()
    page.goto(page.url.split("#")[0])
    page.locator(".board a[href='#claim-stack_is_faster']").click()
    expect(page.locator("#claim-stack_is_faster .answer")).to_be_visible()


def test_keyboard_when_tabbing_from_the_top_then_the_first_stop_skips_to_the_verdicts(open_page: Open) -> None:
    page = open_page()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('href')") == "#verdicts"
