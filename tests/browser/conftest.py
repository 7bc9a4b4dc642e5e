"""What all of these tests look with."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright
from tests.browser import tools


@pytest.fixture(scope="module")
def axe() -> str:
    return tools.axe()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    try:
        path = tools.chromium()
    except tools.NoTool as error:
        pytest.fail(str(error), pytrace=False)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=[*tools.CHROMIUM_ARGUMENTS])
        yield browser
        browser.close()
