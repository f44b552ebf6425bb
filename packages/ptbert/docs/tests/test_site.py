"""The built site, as a browser shows it, and what it documents.

``PTBERT_SITE`` names the folder of the built site; the session ``docs`` sets it.
"""

import collections
import functools
import html
import http.server
import importlib
import importlib.resources
import json
import os
import re
import shutil
import subprocess
import threading
import zlib
from pathlib import Path
from urllib.parse import quote

import pytest

SITE = Path(os.environ.get("PTBERT_SITE", ""))
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None)
PACKAGES = ["ptbert", "ptbert_hub", "ptbert_models", "ptbert_optim", "ptbert_tokenizers"]
MODULES = [*PACKAGES, "ptbert.training", "ptbert.corpora", "ptbert.doctor", "ptbert.see"]
READ = ["index", "start", "migration", "errors", "optimizers", "models/GPT2Model", "tasks/classify"]
READ += [
    "tasks/language-model",
    "guides/recipes",
    "guides/see",
    "renamed-copies",
    "models/BertForMultipleChoice",
    "how-it-works/bert",
    "api/exceptions",
    "api/environment",
]

# Loads each page into a frame as wide as a telephone, and writes down what it sees there.
PROBE = """<!doctype html><meta charset="utf-8"><pre id="seen"></pre><script>
const pages = PAGES, seen = {};
const numbers = colour => colour.match(/[\\d.]+/g).slice(0, 3).map(Number);
const light = colour => numbers(colour).map(x => x / 255)
  .map(x => x <= 0.03928 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4)
  .reduce((sum, x, i) => sum + x * [0.2126, 0.7152, 0.0722][i], 0);
const contrast = (a, b) => {
  const [x, y] = [light(a), light(b)].sort((p, q) => q - p);
  return (x + 0.05) / (y + 0.05);
};
async function look(page) {
  const frame = document.createElement("iframe");
  frame.width = 390; frame.height = 844; frame.src = page + ".html";
  document.body.append(frame);
  await new Promise(done => frame.onload = done);
  const root = frame.contentDocument, view = frame.contentWindow, found = {};
  found.width = root.documentElement.scrollWidth;
  found.broken = [...root.images].filter(each => !each.naturalWidth).map(each => each.src);
  found.frames = [...root.querySelectorAll("iframe.see")].map(each => {
    const inside = each.contentDocument;
    return {
      texts: inside.querySelectorAll(".token, .words button").length,
      squares: inside.querySelectorAll("canvas").length,
      wide: inside.documentElement.scrollWidth > each.clientWidth,
    };
  });
  found.drawings = [...root.querySelectorAll("svg.drawing")].map(each => each.clientHeight);
  for (const theme of ["light", "dark"]) {
    root.body.dataset.theme = theme;
    const behind = view.getComputedStyle(root.body).backgroundColor;
    const texts = [...root.querySelectorAll("article p, article pre, article td, .drawing text")];
    found[theme] = Math.min(...texts.map(each => {
      const style = view.getComputedStyle(each);
      return contrast(each.namespaceURI.endsWith("svg") ? style.fill : style.color, behind);
    }));
  }
  seen[page] = found;
  frame.remove();
}
(async () => {
  for (const page of pages) await look(page);
  document.getElementById("seen").textContent = JSON.stringify(seen);
})();
</script>"""

pytestmark = pytest.mark.skipif(
    not (SITE / "searchindex.js").is_file(), reason="there is no built site in PTBERT_SITE"
)
needs_browser = pytest.mark.skipif(BROWSER is None, reason="there is no Chromium")


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves the site, and the page that looks at its pages."""

    def do_GET(self):
        if self.path != "/probe":
            super().do_GET()
            return
        body = PROBE.replace("PAGES", json.dumps(READ)).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def address():
    handler = functools.partial(Handler, directory=str(SITE))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def browse(tmp_path_factory):
    """A function that returns the page that a browser makes of an address, and its complaints."""
    profile = tmp_path_factory.mktemp("profile")

    def read(url):
        command = [str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"]
        command += [f"--user-data-dir={profile}", "--virtual-time-budget=60000"]
        command += ["--enable-logging=stderr", "--window-size=1280,900", url]
        done = subprocess.run(
            command, capture_output=True, encoding="utf-8", check=True, timeout=300
        )
        complaints = re.findall(r"CONSOLE.*", done.stderr)
        return done.stdout, complaints

    return read


@pytest.fixture(scope="module")
def seen(browse, address):
    """What the browser saw of each page, at the width of a telephone."""
    page, complaints = browse(f"{address}/probe")
    found = re.search(r'<pre id="seen">(.*?)</pre>', page, re.DOTALL)
    assert complaints == []
    return json.loads(html.unescape(found[1]))


@needs_browser
@pytest.mark.parametrize("name", ["BertAdam", "from_pretrained", "GPT2Model"])
def test_search_finds_a_name(name, browse, address):
    page, complaints = browse(f"{address}/search.html?q={quote(name)}")
    results = re.findall(r'<li class="kind-object"><a href="[^"]*#([\w.]+)"', page)
    assert f"ptbert.{name}" in results or any(each.endswith(f".{name}") for each in results)
    assert complaints == []


@needs_browser
@pytest.mark.parametrize("page", READ)
def test_a_page_is_no_wider_than_a_telephone(page, seen):
    assert seen[page]["width"] <= 390


@needs_browser
@pytest.mark.parametrize("page", READ)
def test_pictures_are_there(page, seen):
    drawings = len(re.findall('<svg class="drawing', (SITE / f"{page}.html").read_text()))
    assert seen[page]["broken"] == []
    assert len(seen[page]["drawings"]) == drawings
    assert all(height > 50 for height in seen[page]["drawings"])


@needs_browser
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("page", READ)
def test_text_can_be_read(page, theme, seen):
    """WCAG 2.1, success criterion 1.4.3: a contrast of at least 4.5."""
    assert seen[page][theme] >= 4.5


@needs_browser
def test_pages_of_see_are_drawn_in_their_frames(seen):
    """The squares are drawn by a script in the frame: one for each of 4 heads in 2 layers."""
    frames = seen["guides/see"]["frames"]
    assert [frame["squares"] for frame in frames] == [8, 0, 0]
    assert all(frame["texts"] >= 6 for frame in frames)
    assert not any(frame["wide"] for frame in frames)


def test_each_tutorial_shows_what_was_measured():
    """The results in the README of ptbert, and the speed where there is one."""
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    table = readme.partition("<!-- quality -->")[2].partition("<!-- end of quality -->")[0]
    results = re.findall(r"^\|(?:[^|]*\|){3} ([^|]+) \| at ", table, re.MULTILINE)
    tasks = re.findall(r"^ptbert train (\S+) ", table, re.MULTILINE)
    speeds = re.findall(r"^\| `(\S+)` \| ([\d,]+ / [\d,]+ = [\d.]+) ", readme, re.MULTILINE)
    shown = [*zip(tasks, results, strict=True), *speeds]
    assert {task for task, _ in shown} == {path.stem for path in SITE.glob("tasks/*.html")} - {
        "index"
    }
    for task, text in shown:
        page = html.unescape(re.sub(r"<[^>]+>", "", article_of(f"tasks/{task}")))
        assert text in page, task


def test_models_and_schedules_are_drawn():
    assert all("<svg" in path.read_text() for path in SITE.glob("models/*Model*.html"))
    assert (SITE / "optimizers.html").read_text().count('<svg class="drawing') == 6


@pytest.mark.parametrize("module", MODULES)
def test_every_public_name_is_documented_once(module):
    places = places_of_names()
    public = set(importlib.import_module(module).__all__) - {"__version__"}
    assert {name for name in public if len(places[name]) != 1} == set()


def test_every_method_of_2019_is_documented():
    """Those that the table of the releases has, of the classes that are public today."""
    data = zlib.decompress((SITE / "objects.inv").read_bytes().split(b"\n", 4)[4]).decode()
    shown = set(re.findall(r"^\S+\.(\w+) py:(?:method|property|attribute) ", data, re.MULTILINE))
    table = importlib.resources.files("ptbert.doctor").joinpath("names_2019.json")
    modules = json.loads(table.read_text(encoding="utf-8"))["modules"]
    ptbert = importlib.import_module("ptbert")
    public = set(ptbert.__all__)
    methods = {
        method
        for rows in modules.values()
        for name, row in rows.items()
        for method in row.get("takes", {})
        if name in public and hasattr(getattr(ptbert, name), method)
        if not method.startswith("_")
    }
    assert len(methods) > 30
    assert methods - shown == set()


def places_of_names():
    """Where the site has each name: a thing has one place, though it may have several names."""
    data = zlib.decompress((SITE / "objects.inv").read_bytes().split(b"\n", 4)[4]).decode()
    found = re.findall(r"^(\S+) py:(?:class|function|data|exception) \S+ (\S+)", data, re.MULTILINE)
    places = collections.defaultdict(set)
    for name, place in found:
        last = name.rpartition(".")[2]
        places[last].add(place.replace("$", name))
    return places


# What people look for: the pages that they click through from the first, and what they find there.
QUESTIONS = {
    "how do I fine-tune on a CSV?": (["tasks/classify"], "ptbert train classify"),
    "what does GPT2Model return?": (["models/index", "models/GPT2Model"], "hidden states"),
    "why did from_pretrained raise?": (["errors"], "from_pretrained"),
    "how do I convert a TensorFlow checkpoint?": (["guides/tensorflow"], "ptbert convert"),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_two_clicks_lead_to_an_answer(question):
    pages, words = QUESTIONS[question]
    assert len(pages) <= 2
    text = article_of("index")
    for page in pages:
        links = [link.partition("#")[0] for link in re.findall(r'href="([^"]+)"', text)]
        assert any(link.endswith(f"{page.rpartition('/')[2]}.html") for link in links), page
        text = article_of(page)
    assert words in html.unescape(re.sub(r"<[^>]+>", "", text))


def article_of(page):
    """What is on a page itself, without the lists of all pages beside it."""
    return (SITE / f"{page}.html").read_text(encoding="utf-8").partition("<article")[2]


def test_nothing_is_loaded_from_elsewhere():
    """The site works where there is no network."""
    loaded = {
        address
        for path in SITE.rglob("*.html")
        for address in re.findall(
            r'<(?:script|link|img)[^>]*(?:src|href)="(https?://[^"]*)', path.read_text()
        )
    }
    assert loaded == set()
