"""A page in headless Chromium that comes back to channels with history: its connection is cut, and it is loaded anew.

Usage: history_browser.py PORT AUTHORIZATION

The relay is at PORT of this machine; a proxy in between cuts. The page keeps what it has heard, and the id of the last event,
in its session's storage, and begins behind that id when it is loaded. Between two loads its EventSource comes back by itself.
tests/it/http/events_history.rs is at the other end.
"""

import http.client
import json
import shutil
import sys
import tempfile
import threading
import time

from browser import Browser
from page_surroundings import Proxy, serve

MESSAGES = 300
CHANNELS = ["h.a", "h.b", "x"]

PAGE = """<!doctype html><title>page</title><script>
const stored = JSON.parse(sessionStorage.getItem("stored") ?? '{"id": "", "heard": [], "answers": []}')
const url = new URL("%(relay)s/events")
for (const channel of %(channels)s) url.searchParams.append("channel", channel)
url.searchParams.append("authorization", "%(authorization)s")
if (stored.id) url.searchParams.append("last_event_id", stored.id)
const source = new EventSource(url)
const store = (list, event) => {
  list.push(JSON.parse(event.data))
  stored.id = event.lastEventId
  sessionStorage.setItem("stored", JSON.stringify(stored))
}
source.addEventListener("subscribe_ok", event => store(stored.answers, event))
source.onmessage = event => store(stored.heard, event)
</script>"""

# How many messages the page has heard, or answers.
COUNT = "JSON.parse(sessionStorage.getItem('stored') ?? '{\"%(of)s\": []}').%(of)s.length"


def publish(port, authorization):
    connection = http.client.HTTPConnection("127.0.0.1", port)
    headers = {"Authorization": "Bearer " + authorization}
    for number in range(1, MESSAGES + 1):
        for channel in CHANNELS[:2]:
            connection.request("POST", "/publish/" + channel, str(number), headers)
            answer = connection.getresponse()
            assert answer.status == 202, answer.read()
            answer.read()
        time.sleep(0.03)


def value(browser, page, expression):
    return browser.ask("Runtime.evaluate", page, expression=expression, returnByValue=True)["result"].get("value")


def wait(browser, page, of, count):
    while (value(browser, page, COUNT % {"of": of}) or 0) < count:
        if time.monotonic() > browser.end:
            raise SystemExit("the page never had {} {}".format(count, of))
        time.sleep(0.02)


def talk(browser, proxy, port, authorization):
    values = {
        "relay": "http://127.0.0.1:{}".format(proxy.port),
        "channels": json.dumps(CHANNELS),
        "authorization": authorization,
    }
    pages = serve("/", lambda: (PAGE % values).encode())
    page = browser.open("http://127.0.0.1:{}/".format(pages))
    wait(browser, page, "answers", 2)
    source = threading.Thread(target=publish, args=(port, authorization))
    source.start()
    for turn in range(2):
        answers = value(browser, page, COUNT % {"of": "answers"})
        wait(browser, page, "heard", 30 + 150 * turn)
        proxy.cut()
        proxy.mend()
        # The EventSource waits three seconds, and comes back by itself.
        wait(browser, page, "answers", answers + 2)
        answers = value(browser, page, COUNT % {"of": "answers"})
        browser.ask("Page.reload", page)
        wait(browser, page, "answers", answers + 2)
    source.join()
    wait(browser, page, "heard", 2 * MESSAGES)
    stored = json.loads(value(browser, page, "sessionStorage.getItem('stored')"))
    for channel in CHANNELS[:2]:
        heard = [message["content"] for message in stored["heard"] if message["channel"] == channel]
        assert heard == list(range(1, MESSAGES + 1)), heard
    returns = [answer for answer in stored["answers"] if "recovered" in answer]
    assert len(returns) >= 8 and all(answer["recovered"] for answer in returns), returns
    assert sum(answer["missed"] for answer in returns) > 0, returns


def main(port, authorization):
    proxy = Proxy(int(port))
    folder = tempfile.mkdtemp()
    try:
        browser = Browser(folder)
        try:
            talk(browser, proxy, int(port), authorization)
            print("nothing was missed")
        finally:
            browser.stop()
    finally:
        # Processes of the browser end a moment later, and still write into it.
        shutil.rmtree(folder, ignore_errors=True)


main(*sys.argv[1:])
