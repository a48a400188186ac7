"""A page as a browser sees it, without any driver of browsers."""

import html
import json
import re
import shutil
import subprocess

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
# Nothing but what stands in the page may be shown.
POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'"
)
# Runs before everything else; what it finds is put into the page at its end.
OBSERVER = """
<meta http-equiv="Content-Security-Policy" content="POLICY">
<script>
const problems = [];
addEventListener("error", (event) => problems.push(
  event.message || `cannot load ${event.target.outerHTML.slice(0, 80)}`), true);
addEventListener("unhandledrejection", (event) => problems.push(
  String(event.reason)));
document.addEventListener("securitypolicyviolation", (event) => problems.push(
  `wants ${event.blockedURI}`));
for (const level of ["error", "warn"])
  console[level] = (...words) => problems.push(words.join(" "));
addEventListener("load", () => setTimeout(() => {
  const images = [...document.images];
  for (const image of images)
    if (!image.complete || !image.naturalWidth)
      problems.push(`broken image ${image.alt}`);
  const requests = performance.getEntriesByType("resource")
    .map((entry) => entry.name).filter((name) => !name.startsWith("data:"));
  const seen = document.createElement("pre");
  seen.id = "seen";
  seen.textContent = JSON.stringify({
    problems, requests, images: images.length,
    shown: images.filter((one) => one.clientWidth > 100).length,
    width: innerWidth, needed: document.documentElement.scrollWidth,
    dark: matchMedia("(prefers-color-scheme: dark)").matches,
    ground: getComputedStyle(document.body).backgroundColor,
  });
  document.body.append(seen);
}, 0));
</script>
""".replace("POLICY", POLICY)


def path():
    """The browser; the test is skipped where there is none that starts."""
    for name in NAMES:
        found = shutil.which(name)
        # Some systems have a script there that says how to install it.
        if found and not subprocess.call(
            [found, "--version"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ):
            return found
    pytest.skip(f"no browser: none of {', '.join(NAMES)} is installed")


def look(page, folder, width=1200, height=900, dark=False):
    """Opens a copy of a page in a browser that has no window.

    Args:
        page: path of the HTML.
        folder: path for the copy and the browser's files.
        width, height: int, of the window.
        dark: whether the browser prefers dark pages.

    Returns:
        `(seen, screenshot)`: dict with `problems` and `requests` (lists of
        str), `images` and `shown` (int), `width` and `needed` (dots), `dark`
        (bool) and `ground` (str); and path of a PNG.
    """
    browser = path()
    folder.mkdir(parents=True, exist_ok=True)
    copy, screenshot = folder / "observed.html", folder / "screenshot.png"
    text = page.read_text()
    assert text.count("<head>") == 1
    copy.write_text(text.replace("<head>", f"<head>{OBSERVER}"))
    done = subprocess.run(
        [
            browser,
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--no-first-run",
            "--hide-scrollbars",
            f"--user-data-dir={folder / 'profile'}",
            f"--window-size={width},{height}",
            f"--blink-settings=preferredColorScheme={0 if dark else 1}",
            "--virtual-time-budget=5000",
            f"--screenshot={screenshot}",
            "--dump-dom",
            copy.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    (seen,) = re.findall(r'<pre id="seen">(.*?)</pre>', done.stdout, re.DOTALL)
    return json.loads(html.unescape(seen)), screenshot
