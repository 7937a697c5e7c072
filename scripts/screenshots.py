"""Called by scripts/screenshots: sign in and take the pictures."""

import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WAIT_SECONDS = 60


def main(base: str, seed: Path, target: Path) -> None:
    values = dict(line.split("=", 1) for line in seed.read_text().splitlines() if "=" in line)
    wait_for(f"{base}/readyz")
    run = f"{base}/admin/runs/run/{values['RUN_ID']}/change/"
    pages = {
        "home": f"{base}/admin/",
        "run": f"{run}?tab=timeline",
        "approval": f"{run}?tab=approvals",
        "settings": f"{base}/admin/settings/builder/autofix-v3/",
    }
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        for scheme in ("light", "dark"):
            page = browser.new_page(
                viewport={"width": 1280, "height": 1000},
                color_scheme=scheme,
                timezone_id="UTC",
            )
            sign_in(page, base, values)
            for name, address in pages.items():
                page.goto(address)
                page.wait_for_load_state("networkidle")
                page.screenshot(path=target / f"{name}-{scheme}.png")
                print(target / f"{name}-{scheme}.png")
        browser.close()


def sign_in(page: Page, base: str, values: dict[str, str]) -> None:
    page.goto(f"{base}/admin/")
    page.get_by_label("Username").fill(values["ADMIN_USER"])
    page.get_by_label("Password").fill(values["ADMIN_PASSWORD"])
    page.get_by_role("button", name="Log in").click()
    page.wait_for_load_state("networkidle")


def wait_for(address: str) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            urllib.request.urlopen(address, timeout=2).close()
            return
        except (urllib.error.URLError, OSError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
