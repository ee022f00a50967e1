"""Has a page in headless Chromium lose its connection, be reloaded, and miss more than the relay's history has.

Usage: page_with_history.py PAGE SIZE

The page connects to 127.0.0.1:55000, where a relay keeps SIZE messages of news.today; here it goes through a proxy at
55001, which is cut and let through again. Its list has to show every message once and in order, and to say so where the
relay does not have all that was missed.
"""

import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

from browser import Browser
from page_surroundings import Proxy, serve

URL = "http://127.0.0.1:8000/page.html"
MISSED = "(something was missed here)"
# Kept until the list of the page is as it should be, and for as long as it is a beginning of that.
SHOWS = """
new Promise((done, failed) => {
  const expected = %s
  const look = () => {
    const items = [...document.querySelectorAll("li")].map(item => item.textContent)
    if (items.join("|") === expected.join("|")) done(true)
    else if (items.some((item, at) => item !== expected[at])) failed(new Error(`it shows ${items}`))
  }
  new MutationObserver(look).observe(document, { childList: true, subtree: true })
  look()
})
"""


def publish(messages):
    command = ["pusud", "publish", "--authorization", "demo-password", "news.today"]
    subprocess.run(command, input="".join(text + "\n" for text in messages), text=True, check=True)


def main():
    page_file, size = pathlib.Path(sys.argv[1]).resolve(), int(sys.argv[2])
    numbers = iter(range(10**6))
    take = lambda count: ["message {}".format(next(numbers)) for _ in range(count)]
    folder = tempfile.mkdtemp()
    shown = take(2)
    publish(shown)
    try:
        browser = Browser(folder)
        try:
            # Not before the browser, which is started by a process without threads.
            proxy = Proxy(55000, 55001)
            serve("/page.html", page_file.read_bytes, 8000)
            page = browser.open(URL)

            def publish_and_expect(messages):
                publish(messages)
                shown.extend(messages)

            def expect():
                browser.evaluate(page, SHOWS % json.dumps(shown))

            expect()
            publish_and_expect(take(2))
            expect()
            for _ in range(2):
                proxy.cut()
                publish_and_expect(take(size - 1))
                proxy.mend()
                expect()
            # Reloaded while it cannot connect.
            proxy.cut()
            publish_and_expect(take(3))
            browser.ask("Page.reload", page)
            proxy.mend()
            loaded = "new Promise(done => document.readyState === 'complete' ? done(true) : addEventListener('load', () => done(true)))"
            browser.evaluate(page, loaded)
            expect()
            # More than there is.
            proxy.cut()
            publish(take(size + 1))
            proxy.mend()
            shown.append(MISSED)
            expect()
            publish_and_expect(take(1))
            expect()
            print("the page shows everything once, and says what it missed")
        finally:
            browser.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
