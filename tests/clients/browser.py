"""Opens a page twice in headless Chromium, types into its only field, and checks that both show what was typed.

Usage: browser.py PAGE [TEXT COMMAND...]

With a command, the page is opened once, the command is run again and again, and the page has to show this text.

Speaks the DevTools protocol over a pair of pipes. The page is asked for a promise of what is waited for, and every
answer has a deadline; nothing sleeps for a guess.
"""

import fcntl
import json
import os
import pathlib
import select
import shutil
import subprocess
import sys
import tempfile
import time

DEADLINE_SECONDS = 90

# A browser that answers nothing for so long after its start answers nothing at all, and is started anew; so often in all.
START_SECONDS = 45
STARTS_MAX = 2

# What it does of its own accord is left out. Its memory to share is where there is room: /dev/shm is small in a container,
# and a page that finds no room there dies.
FLAGS = """
--headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run --no-default-browser-check
--disable-background-networking --disable-component-update --disable-extensions --disable-sync --disable-breakpad
--password-store=basic --use-mock-keychain --remote-debugging-pipe
""".split()

# Kept until the list of the page has an item with this text.
SHOWS = """
new Promise(done => {
  const look = () => [...document.querySelectorAll("li")].some(item => item.textContent === %s) && done(true)
  new MutationObserver(look).observe(document, { childList: true, subtree: true })
  look()
})
"""

# Whether it has one.
SHOWS_NOW = """[...document.querySelectorAll("li")].some(item => item.textContent === %s)"""

# Sends when the connection stands, as somebody at the keyboard would.
TYPE = """
new Promise(done => {
  const type = () => {
    document.querySelector("input").value = %s
    document.querySelector("form").requestSubmit()
    done(true)
  }
  relay.readyState === WebSocket.OPEN ? type() : relay.addEventListener("open", type)
})
"""


class Silent(SystemExit):
    """A browser that gives no answer."""


class Browser:
    """A running Chromium."""

    def __init__(self, folder, more=()):
        for start in range(STARTS_MAX):
            self.start(os.path.join(folder, str(start)), more)
            self.end = time.monotonic() + START_SECONDS
            try:
                self.ask("Browser.getVersion")
                break
            except Silent as silent:
                self.stop()
                if start + 1 == STARTS_MAX:
                    raise
                print("{}; it is started anew".format(silent), file=sys.stderr)
        self.end = time.monotonic() + DEADLINE_SECONDS

    def start(self, folder, more):
        """Starts it with a pipe each way, which it has as 3 and 4."""
        # High numbers, so that neither pipe is where Chromium looks for its own.
        high = lambda fd: fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10)
        (asked, asks), (answers, answered) = os.pipe(), os.pipe()
        reads, self.requests, self.answers, writes = map(high, (asked, asks, answers, answered))
        for low in (asked, asks, answers, answered):
            os.close(low)
        # A shell moves them: 3 and 4 may be what Python itself needs before the program runs.
        moves = 'exec "$@" 3<&{0} 4>&{1} {0}<&- {1}>&-'.format(reads, writes)
        self.process = subprocess.Popen(
            ["bash", "-c", moves, "bash", "chromium", *FLAGS, *more, "--user-data-dir=" + folder, "about:blank"],
            pass_fds=(reads, writes),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(reads)
        os.close(writes)
        self.number = 0
        self.buffer = b""

    def stop(self):
        """Ends it."""
        self.process.kill()
        self.process.wait()
        os.close(self.requests)
        os.close(self.answers)

    def ask(self, method, session=None, **parameters):
        """The result of a method; events are passed over."""
        self.number += 1
        request = {"id": self.number, "method": method, "params": parameters}
        if session:
            request["sessionId"] = session
        os.write(self.requests, json.dumps(request).encode() + b"\0")
        while True:
            message = self.message(method)
            if message.get("method") == "Inspector.targetCrashed":
                raise SystemExit("{}: the page has crashed".format(method))
            if message.get("id") == self.number:
                if "error" in message:
                    raise SystemExit("{}: {}".format(method, message["error"]))
                return message["result"]

    def message(self, method):
        """The next message."""
        while b"\0" not in self.buffer:
            ready, _, _ = select.select([self.answers], [], [], max(0, self.end - time.monotonic()))
            if not ready:
                raise Silent("the browser has not answered {} in time".format(method))
            read = os.read(self.answers, 65536)
            if not read:
                raise SystemExit("the browser has ended: {}".format(self.process.wait()))
            self.buffer += read
        message, _, self.buffer = self.buffer.partition(b"\0")
        return json.loads(message)

    def open(self, url):
        """A page that has been loaded; what it is asked with."""
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        # What it says of a page that crashes.
        self.ask("Inspector.enable", session)
        self.ask("Page.navigate", session, url=url)
        loaded = "new Promise(done => document.readyState === 'complete' ? done() : addEventListener('load', done))"
        self.evaluate(session, loaded + ".then(() => location.href)", url)
        return session

    def shows_now(self, session, text):
        """Whether the list of a page has an item with this text."""
        if time.monotonic() > self.end:
            raise SystemExit("the page never showed {!r}".format(text))
        result = self.ask("Runtime.evaluate", session, expression=SHOWS_NOW % json.dumps(text), returnByValue=True)
        return result["result"]["value"]

    def evaluate(self, session, expression, expected=True):
        """Asks a page for what a promise becomes."""
        result = self.ask(
            "Runtime.evaluate", session, expression=expression, awaitPromise=True, returnByValue=True
        )
        if result.get("result", {}).get("value") != expected:
            raise SystemExit("{}\ngave {}".format(expression, result))


def main():
    url = pathlib.Path(sys.argv[1]).resolve().as_uri()
    folder = tempfile.mkdtemp()
    try:
        browser = Browser(folder)
        try:
            pages = []
            if len(sys.argv) > 2:
                text, command = sys.argv[2], sys.argv[3:]
                page = browser.open(url)
                while not browser.shows_now(page, text):
                    subprocess.run(command, check=True)
                print("the page shows the message")
                return
            for text in ("from the first page", "from the second page"):
                pages.append(browser.open(url))
                browser.evaluate(pages[-1], TYPE % json.dumps(text))
                for page in pages:
                    browser.evaluate(page, SHOWS % json.dumps(text))
            print("both pages show all messages")
        finally:
            browser.stop()
    finally:
        # Processes of the browser end a moment later, and still write into it.
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
