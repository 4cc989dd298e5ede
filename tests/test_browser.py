"""The HTML report in a real browser: every race stepped with the keyboard, links, themes, contrast, and no complaints.

Without Chromium and its driver on PATH these tests are skipped; with LOSTPROOF_BROWSER=1 that is a failure.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from lostproof.cli import cli

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
REQUIRED = os.environ.get("LOSTPROOF_BROWSER") == "1"
TINY = "crashes=1,runs=1,outcomes=1"
CHECKED = ("openclaw-2026.4.15", "reference")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--window-size=1280,900",
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    binary = next(filter(None, map(shutil.which, BROWSERS)), None)
    driver = shutil.which("chromedriver")
    if binary is None or driver is None:
        missing = "no Chromium and chromedriver on PATH"
        pytest.fail(missing) if REQUIRED else pytest.skip(missing)
    webdriver = pytest.importorskip("selenium.webdriver", reason="needs selenium")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    started = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    started.set_script_timeout(60)
    yield started
    started.quit()


def written(folder: Path, *arguments: str) -> Path:
    page = folder / "page.html"
    found = CliRunner().invoke(cli, [*arguments, "--html", str(page)])
    assert found.exit_code in (0, 1), found.output
    return page


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("check"), "check", *CHECKED, "--bounds", TINY)


@pytest.fixture(scope="module")
def told() -> Any:
    """What the same command says as JSON: the races, by address."""
    found = CliRunner().invoke(cli, ["check", *CHECKED, "--bounds", TINY, "--format", "json"])
    return {
        f"{result['revision']}/{verdict['id']}": [*verdict["race"], *verdict["continuation"]]
        for result in json.loads(found.stdout)["results"] for verdict in result["properties"] if verdict["race"]
    }


@pytest.fixture
def quiet(browser: Any) -> Iterator[Any]:
    """The browser; after the test nothing may have been complained about, and nothing asked of any network."""
    browser.get("about:blank")
    browser.get_log("browser"), browser.get_log("performance")
    browser.execute_cdp_cmd("Network.setCacheDisabled", {"cacheDisabled": True})
    yield browser
    assert browser.get_log("browser") == []
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = [message["params"]["request"]["url"] for message in messages if message["method"] == "Network.requestWillBeSent"]
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert any(url.startswith("file:") for url in asked)


def opened(browser: Any, page: Path, address: str = "") -> Any:
    browser.get("about:blank")
    browser.get(f"{page.as_uri()}{address}")
    return browser


def press(browser: Any, *keys: str) -> None:
    from selenium.webdriver import ActionChains
    from selenium.webdriver.common.keys import Keys

    chain = ActionChains(browser, duration=0)
    for key in keys:
        chain.send_keys(getattr(Keys, key, key))
    chain.perform()


LOOK = """
const text = (one) => one ? one.innerText.trim() : null;
const changed = [...document.querySelectorAll(".world tr.changed")].map((row) => {
  const name = row.querySelector("th").cloneNode(true);
  return [name.innerText.trim(), row.querySelector("del").innerText, row.querySelector("ins").innerText];
});
return {
  hash: location.hash, title: document.title, heading: text(document.querySelector("h1")),
  output: text(document.querySelector("output")), said: text(document.querySelector("[role=status]")),
  range: document.querySelector("input[type=range]")?.value, current: text(document.querySelector(".steps [aria-current]")),
  alert: text(document.querySelector("[role=alert]")), dialog: Boolean(document.querySelector("dialog[open]")),
  focus: document.activeElement.getAttribute("data-race") ?? document.activeElement.tagName, changed,
  theme: document.documentElement.dataset.theme, paper: getComputedStyle(document.body).backgroundColor,
};
"""


def look(browser: Any) -> Any:
    return browser.execute_script(LOOK)


def addressed(browser: Any, address: str) -> Any:
    """Wait until the address is ``address`` (it may lag behind quick keys) and return what is seen then."""
    from selenium.webdriver.support.ui import WebDriverWait

    WebDriverWait(browser, 3, 0.02).until(lambda _: look(browser)["hash"] == address, f"the address is not {address}")
    return look(browser)


def test_every_step_of_every_race_is_reached_with_the_keyboard(quiet: Any, checked: Path, told: Any) -> None:
    from selenium.webdriver.common.by import By

    opened(quiet, checked)
    links = quiet.find_elements(By.CSS_SELECTOR, ".matrix a.cell")
    assert len(links) == len(told) > 5
    links[0].click()
    for key, steps in told.items():
        press(quiet, "HOME")
        assert addressed(quiet, f"#race={key}&step=0")["changed"] == []
        for number, step in enumerate(steps, 1):
            press(quiet, "ARROW_RIGHT" if number % 2 else "j")
            seen = look(quiet)
            assert (seen["output"], seen["range"]) == (f"{number} / {len(steps)}", str(number))
            assert f"Step {number} of {len(steps)}" in seen["said"]
            happens = step["action"].removeprefix("sweep_")
            assert happens in seen["current"]
            assert happens in seen["said"]
            shown = sorted((name.split()[0], was, now) for name, was, now in seen["changed"])
            assert shown == sorted((change["field"], change["from"], change["to"]) for change in step["changes"])
        assert addressed(quiet, f"#race={key}&step={len(steps)}")
        press(quiet, "ARROW_RIGHT")
        assert look(quiet)["output"] == f"{len(steps)} / {len(steps)}"
        press(quiet, "ARROW_LEFT", "k")
        assert look(quiet)["output"] == f"{max(len(steps) - 2, 0)} / {len(steps)}"
        press(quiet, "END", "n")
    assert addressed(quiet, f"#race={next(iter(told))}&step=0")
    press(quiet, "ARROW_UP")
    assert addressed(quiet, f"#race={list(told)[-1]}&step=0")
    press(quiet, "ESCAPE")
    seen = look(quiet)
    assert (seen["hash"], seen["heading"], seen["focus"]) == ("#matrix", "Verdicts", str(len(told) - 1))


def test_addresses_are_read_and_followed(quiet: Any, checked: Path, told: Any) -> None:
    key, steps = next(iter(told.items()))
    assert look(opened(quiet, checked, f"#race={key}&step=2"))["output"] == f"2 / {len(steps)}"
    quiet.execute_script("location.hash = arguments[0]", f"#race={key}&step={len(steps)}")
    assert look(quiet)["output"] == f"{len(steps)} / {len(steps)}"
    assert look(quiet)["title"].startswith(key)
    quiet.back()
    assert look(quiet)["output"] == f"2 / {len(steps)}"
    for address, problem in {
        "#race=nobody/nothing": "There is no race “nobody/nothing”", f"#race={key}&step=99": "There is no step “99”",
        f"#race={key}&step=-1": "There is no step “-1”", "#race=%E0%A4%A": "cannot be read", "#nonsense": "There is no race",
        f"#race={key}&step=": "There is no step “”",
    }.items():
        seen = look(opened(quiet, checked, address))
        assert problem in (seen["alert"] or ""), address
        assert seen["heading"]


def test_it_is_used_with_the_mouse_too(quiet: Any, checked: Path, told: Any) -> None:
    from selenium.webdriver.common.by import By

    key, steps = next(iter(told.items()))
    opened(quiet, checked, f"#race={key}")

    def click(selector: str, position: int = 0) -> Any:
        quiet.find_elements(By.CSS_SELECTOR, selector)[position].click()
        return look(quiet)

    assert click("button[aria-label='Next step']")["output"] == f"1 / {len(steps)}"
    assert click("button[aria-label='Last step']")["output"] == f"{len(steps)} / {len(steps)}"
    assert click("button[aria-label='Previous step']")["output"] == f"{len(steps) - 1} / {len(steps)}"
    assert click(".steps button", 2)["output"] == f"2 / {len(steps)}"
    assert click("rect.target", 3)["output"] == f"3 / {len(steps)}"
    quiet.find_element(By.CSS_SELECTOR, "input[type=range]").click()
    press(quiet, "HOME")
    assert look(quiet)["output"] == f"0 / {len(steps)}"
    assert "Verdicts" in click(".crumbs a")["heading"]


def test_help_and_skip_link_and_letters(quiet: Any, checked: Path, told: Any) -> None:
    from selenium.webdriver.common.by import By

    key = next(iter(told))
    opened(quiet, checked, f"#race={key}&step=1")
    press(quiet, "?")
    assert look(quiet)["dialog"]
    press(quiet, "j")
    assert look(quiet)["output"].startswith("1 /")
    quiet.find_element(By.CSS_SELECTOR, "dialog input").click()
    press(quiet, "ESCAPE")
    assert not look(quiet)["dialog"]
    press(quiet, "j")
    assert look(quiet)["output"].startswith("1 /"), "letters are off"
    press(quiet, "ARROW_RIGHT")
    assert look(quiet)["output"].startswith("2 /")
    quiet.execute_script("localStorage.clear()")
    opened(quiet, checked, f"#race={key}&step=1")
    press(quiet, "TAB", "ENTER")
    seen = look(quiet)
    assert (seen["focus"], seen["hash"]) == ("MAIN", f"#race={key}&step=1")


def test_no_key_is_lost_however_quick(quiet: Any, checked: Path, told: Any) -> None:
    key, steps = max(told.items(), key=lambda pair: len(pair[1]))
    opened(quiet, checked, f"#race={key}")
    quiet.execute_script("""
      for (const key of arguments[0]) document.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
    """, ["ArrowRight"] * 4 + ["k"])
    assert addressed(quiet, f"#race={key}&step=3")["output"] == f"3 / {len(steps)}"


PROBLEMS = r"""
const parse = (text) => (text.match(/[\d.]+/g) || []).map(Number);
const light = ([r, g, b]) => [r, g, b].map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
  .reduce((sum, c, at) => sum + c * [0.2126, 0.7152, 0.0722][at], 0);
const contrast = (one, other) => {
  const [low, high] = [light(one), light(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
};
const behind = (one) => {
  for (let at = one; at; at = at.parentElement) {
    const colour = parse(getComputedStyle(at).backgroundColor);
    if (colour.length === 3 || colour[3] === 1) return colour;
    if (colour.length === 4 && colour[3] > 0) throw new Error("a background that shines through");
  }
  return [255, 255, 255];
};
const own = (one) => [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
const found = [];
let count = 0;
const judge = (one, colour, backs, least) => backs.forEach((back) => {
  count += 1;
  const ratio = contrast(colour, back);
  const told = `${one.tagName}.${one.getAttribute("class")} ${one.textContent.slice(0, 30)}`;
  if (ratio < least) found.push(`${told}: ${ratio.toFixed(2)}`);
});
document.querySelectorAll("details").forEach((one) => { one.open = true; });
const bands = [...document.querySelectorAll(".diagram svg > rect:not(.target)")]
  .map((one) => parse(getComputedStyle(one).fill));
document.querySelectorAll("body *").forEach((one) => {
  const style = getComputedStyle(one);
  if (!one.getClientRects().length || !own(one) || one.closest("script, noscript, title, desc, .sr")) return;
  if (one instanceof SVGElement) {
    const box = one.parentElement.querySelector(":scope > rect"), fill = box && parse(getComputedStyle(box).fill);
    judge(one, parse(style.fill), fill ? [fill] : [behind(one), ...bands], 4.5);
  } else judge(one, parse(style.color), [behind(one)], 4.5);
});
document.querySelectorAll("button, select").forEach((one) => {
  const edge = getComputedStyle(one);
  if (one.getClientRects().length && edge.borderTopWidth !== "0px" && one.getAttribute("aria-disabled") !== "true") {
    judge(one, parse(edge.borderTopColor), [behind(one.parentElement)], 3);
  }
});
return [count, [...new Set(found)]];
"""


def test_contrast_is_enough_in_both_themes(quiet: Any, checked: Path, told: Any) -> None:
    from selenium.webdriver.common.by import By

    lasting = next(key for key in told if key.endswith(("-converges", "-dropped", "-closed", "-repaired")))
    papers = {}
    for address in ("", f"#race={lasting}&step={len(told[lasting])}", f"#race={next(iter(told))}&step=7"):
        opened(quiet, checked, address)
        for _ in range(2):
            quiet.find_element(By.CSS_SELECTOR, ".top button").click()
            seen = look(quiet)
            papers[seen["theme"]] = seen["paper"]
            count, problems = quiet.execute_script(PROBLEMS)
            assert count > 100
            assert problems == [], seen["theme"]
    assert set(papers) == {"light", "dark"}
    assert papers["light"] != papers["dark"]


def test_the_system_chooses_the_theme_until_somebody_does(quiet: Any, checked: Path) -> None:
    def prefers(theme: str) -> None:
        features = [{"name": "prefers-color-scheme", "value": theme}]
        quiet.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    opened(quiet, checked)
    quiet.execute_script("localStorage.clear()")
    for theme in ("dark", "light"):
        prefers(theme)
        assert look(opened(quiet, checked))["theme"] == theme
    press(quiet, "t")
    assert look(quiet)["theme"] == "dark"
    assert look(opened(quiet, checked))["theme"] == "dark", "it is remembered"
    quiet.execute_script("localStorage.clear()")
    quiet.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


@pytest.mark.parametrize("address", ["", "#race=openclaw-2026.4.15/completed-run-never-lost&step=7"])
def test_a_narrow_window_scrolls_inside_the_page_only(quiet: Any, checked: Path, address: str) -> None:
    quiet.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 700, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    )
    opened(quiet, checked, address)
    wide = quiet.execute_script("return [document.documentElement.scrollWidth, innerWidth]")
    quiet.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert wide[0] <= wide[1] == 700


NAMELESS = """
const named = (one) => one.getAttribute("aria-label") || one.getAttribute("aria-labelledby")
  || one.textContent.trim() || one.closest("label");
return [...document.querySelectorAll("button, a[href], input, select, [role=region], svg[role=img]")]
  .filter((one) => !named(one)).map((one) => one.outerHTML.slice(0, 80))
  .concat([...document.querySelectorAll("th:not([scope])")].map((one) => one.outerHTML.slice(0, 80)))
  .concat([...document.querySelectorAll("[id]")].map((one) => one.id).filter((id, at, all) => all.indexOf(id) !== at));
"""


def test_everything_has_a_name(quiet: Any, checked: Path, told: Any) -> None:
    for address in ("", f"#race={next(iter(told))}&step=3"):
        opened(quiet, checked, address)
        assert quiet.execute_script(NAMELESS) == []


STEP_THROUGH = """
const [done] = [...arguments].slice(-1);
const turn = () => new Promise((go) => setTimeout(go));
const press = (key) => document.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
(async () => {
  const problems = [];
  let steps = 0;
  for (const race of DATA.races) {
    const last = race.timeline.steps.length;
    // Of the long ones the beginning and the end.
    for (let step = 0; step <= last; step = step < 8 ? step + 1 : step < last ? last : last + 1) {
      const shown = document.querySelector("output")?.textContent;
      if (shown !== `${step} / ${last}`) problems.push(`${race.key} ${step}: ${shown}`);
      steps += 1;
      press(step === last ? "n" : step < 8 ? "ArrowRight" : "End");
      await turn();
    }
  }
  done([steps, problems]);
})();
"""


def test_scenarios_of_every_family_can_be_stepped_through(quiet: Any, tmp_path: Path) -> None:
    from lostproof import replay, scenarios
    from lostproof.report.html import replays_page

    families: dict[str, list[scenarios.Scenario]] = {}
    for path in scenarios.find():
        families.setdefault(path.parent.name, []).append(scenarios.load(path))
    # Three of each family, each in one revision: all of them would take minutes.
    loaded = [one for family in families.values() for one in family[:3]]
    chosen = [(one, [one.revisions[number % len(one.revisions)]]) for number, one in enumerate(loaded)]
    page = tmp_path / "page.html"
    page.write_text(replays_page([(one, replay.run(one, names)) for one, names in chosen]), encoding="utf-8")
    opened(quiet, page)
    first = quiet.execute_script("return hashOf(0, 0)")
    opened(quiet, page, first)
    steps, problems = quiet.execute_async_script(STEP_THROUGH)
    assert steps > 300
    assert problems == []


def test_what_comes_with_a_strange_name_is_only_text(quiet: Any, tmp_path: Path) -> None:
    from dataclasses import replace

    from lostproof.bounds import parse_bounds
    from lostproof.engine.verdicts import check
    from lostproof.report.html import html_page
    from lostproof.report.judged import Judged
    from lostproof.revisions import REVISIONS

    name = "</script><script>alert(1)</script>&<b>50% #1"
    nasty = replace(REVISIONS["openclaw-2026.4.15"], name=name)
    page = tmp_path / "page.html"
    page.write_text(html_page(Judged("check", TINY, parse_bounds(TINY)[1], [check(nasty, TINY)])), encoding="utf-8")
    opened(quiet, page)
    assert name in quiet.execute_script("return document.querySelector('thead').innerText.replaceAll('\\n', '')")
    quiet.execute_script("document.querySelector('a.cell').click()")
    press(quiet, "ARROW_RIGHT")
    address = quiet.execute_script("return hashOf(0, 1)")
    seen = look(opened(quiet, page, addressed(quiet, address)["hash"]))
    assert seen["output"].startswith("1 /")
    assert name in seen["heading"]
