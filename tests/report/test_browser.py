"""The report in a real browser: clicked through, in both colour schemes; it asks no host for anything."""

import html
import json
import re
import shutil
import subprocess

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
BROWSER = next(filter(None, map(shutil.which, NAMES)), None)
WHY = "no Chromium here; install the package chromium to run it"
pytestmark = pytest.mark.skipif(BROWSER is None, reason=WHY)
LIGHT, DARK = "rgb(255, 255, 255)", "rgb(15, 20, 25)"

CLICKS = """<script>
const said = {};
try {
  const box = document.getElementById("search"), look = id => document.getElementById(id);
  said.first = look("found").children.length;
  box.value = "PERSON-"; box.dispatchEvent(new Event("input"));
  said.all = look("status").textContent;
  box.value = "nobody at all"; box.dispatchEvent(new Event("input"));
  said.nobody = [look("status").textContent, look("found").children.length];
  box.value = "WANTED"; box.dispatchEvent(new Event("input"));
  box.dispatchEvent(new KeyboardEvent("keydown", {key: "Enter"}));
  said.person = look("person").querySelector("h3").textContent;
  said.listed = look("person").querySelectorAll("ol li").length;
  said.leans = look("person").querySelectorAll("meter").length;
  said.hidden = look("person").hidden;
  const paper = () => getComputedStyle(document.body).backgroundColor;
  said.before = paper(); look("theme").click(); said.after = paper(); look("theme").click();
  said.back = paper();
  document.querySelectorAll("summary").forEach(part => part.click());
  said.open = [...document.querySelectorAll("details")].every(part => part.open);
  said.width = innerWidth;
  said.wider = document.documentElement.scrollWidth - innerWidth;
  said.requests = performance.getEntriesByType("resource").map(entry => entry.name);
  said.title = document.title;
} catch (error) { said.error = String(error); }
parent.postMessage(JSON.stringify(said), "*");
</script>"""
FRAME = """<body><script>onmessage = event => { document.body.dataset.said = event.data; };</script>
<iframe src="clicked.html" style="border:0;width:WIDTHpx;height:900px"></iframe></body>"""


def clicked(page, folder, width, *flags):
    """Return what the page said when it was clicked through."""
    text = page.read_text(encoding="utf-8")
    wanted = re.search(r'"id":"(person-\d+)"', text)[1]
    clicks = CLICKS.replace("WANTED", wanted)
    (folder / "clicked.html").write_text(text.replace("</body>", f"{clicks}</body>"), encoding="utf-8")
    # a frame, as Chromium has no window as narrow as a phone
    (folder / "frame.html").write_text(FRAME.replace("WIDTH", str(width)), encoding="utf-8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", "--virtual-time-budget=5000"]
    command = [BROWSER, *options, f"--user-data-dir={folder / 'profile'}", "--window-size=1300,1000", *flags]
    file = (folder / "frame.html").as_uri()
    run = subprocess.run([*command, file], capture_output=True, text=True, timeout=120)
    found = re.search(r'data-said="([^"]*)"', run.stdout)
    assert found, run.stderr[-2000:]
    return wanted, json.loads(html.unescape(found[1]))


@pytest.mark.parametrize("width", [390, 1280])
def test_everything_can_be_clicked_and_nothing_is_asked_of_a_host(page, tmp_path, width):
    wanted, said = clicked(page, tmp_path, width)
    assert "error" not in said
    assert said["first"] == 12
    whole = r" \(this file has 40 of \d+ users\)"
    assert re.fullmatch(rf"40 users found, the first 12 are shown{whole}", said["all"])
    assert re.fullmatch(f"0 users found{whole}", said["nobody"][0])
    assert said["nobody"][1] == 0
    assert said["person"] == f"User {wanted}"
    assert said["listed"] == 10
    assert said["leans"] == 3
    assert said["hidden"] is False
    assert said["open"] is True
    assert said["width"] == width
    assert said["wider"] <= 0, "the page must not scroll sideways"
    assert said["requests"] == []
    assert said["title"] == "Recommending in films"
    assert (said["before"], said["after"], said["back"]) == (LIGHT, DARK, LIGHT)


def test_a_dark_system_gets_a_dark_page(page, tmp_path):
    _, said = clicked(page, tmp_path, 1280, "--blink-settings=preferredColorScheme=0")
    assert (said["before"], said["after"]) == (DARK, LIGHT)


def test_it_prints_within_eight_pages_and_without_users(page, tmp_path):
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    file = tmp_path / "page.pdf"
    subprocess.run(
        [BROWSER, *options, f"--print-to-pdf={file}", page.as_uri()], capture_output=True, timeout=120
    )
    pages = re.findall(rb"/Type\s*/Page\b", file.read_bytes())
    assert 1 < len(pages) <= 8
