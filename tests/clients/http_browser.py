"""Publishes and listens over HTTP from a page in headless Chromium, whose origin is not the relay's.

Usage: http_browser.py known|others

Prints `port NUMBER`: there it serves the page, and decides for HttpAuthenticator, which takes the cookie of the page or one
password. Then it reads the URL of the relay from its standard input. With `known`, the relay's `allowed_origins` names the
origin of the page; with `others` there are no allowed origins. tests/it/http/foreign_clients.rs is at the other end, and
restarts the relay when it reads `restart` or `crash`.
"""

import json
import shutil
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from browser import Browser

COOKIE = "session=known"

# Publishes, and says what each answer was.
PUBLISH = """
(async () => {
  const ask = async (path, body, init = {}) => {
    try {
      const answer = await fetch(%(relay)s + path, { method: "POST", body, ...init })
      return `${answer.status} ${(await answer.json()).accepted}`
    } catch (error) {
      return error.name
    }
  }
  const bearer = word => ({ Authorization: `Bearer ${word}` })
  const json = { "Content-Type": "application/json" }
  const answers = [
    await ask("/publish/page", "text", { headers: bearer("known") }),
    await ask("/publish/page", "[1]", { headers: { ...bearer("known"), ...json, "Idempotency-Key": "8f-1" } }),
    await ask("/publish/page", "1", { headers: { ...bearer("unknown"), ...json } }),
    await ask("/publish/page", "text"),
    await ask("/publish/page", "by cookie", { credentials: "include" }),
  ]
  return answers.join()
})()
"""

# A source of events, and what became of it; `heard` is kept for later.
LISTEN = """
new Promise(done => {
  window.heard = []
  window.changed = () => {}
  window.source?.close()
  const source = window.source = new EventSource(%(relay)s + %(path)s, %(init)s)
  const hear = event => { heard.push(`${event.type} ${event.data}`); changed() }
  source.addEventListener("subscribed", event => { hear(event); done("subscribed") })
  source.addEventListener("end", hear)
  source.onmessage = hear
  source.onerror = () => { if (source.readyState === EventSource.CLOSED) done("failed for good") }
})
"""

# Waits until the last of `heard` is this, and gives all of it.
HEARD = """
new Promise(done => {
  const look = () => { if (heard.length && heard.at(-1).includes(%(last)s)) done(heard.splice(0).join("\\n")) }
  changed = look
  look()
})
"""


class Handler(BaseHTTPRequestHandler):
    def respond(self, kind, body, **headers):
        self.send_response(200)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.respond("text/html", b"<!doctype html><title>page</title>", Set_Cookie=COOKIE)

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        by_cookie = asked["authorization"] == "" and asked["attributes"].get("http.header.cookie") == COOKIE
        if asked["authorization"] != "known" and not by_cookie:
            return self.send_error(403)
        answer = {"permissions": [{"pattern": "*", "read": True, "write": True}], "subject": "page"}
        self.respond("application/json", json.dumps(answer).encode())

    def log_message(self, *_):
        pass


def say(line):
    print(line, flush=True)


def listen(browser, page, relay, query, expected, with_credentials):
    path = "/events?channel=to-page" + query
    init = {"withCredentials": with_credentials}
    values = {"relay": relay, "path": path, "init": init}
    browser.evaluate(page, LISTEN % {name: json.dumps(value) for name, value in values.items()}, expected)


def heard(browser, page, last, *expected):
    """What has been heard, of which the last has this in it."""
    subscribed = 'subscribed {"relay":"test-relay","channels":["to-page"]}'
    expected = [subscribed if line == "subscribed" else line for line in expected]
    browser.evaluate(page, HEARD % {"last": json.dumps(last)}, "\n".join(expected))


def talk(browser, page, relay, is_known):
    answers = ["202 1", "202 1", "401 undefined", "401 undefined", "202 1" if is_known else "TypeError"]
    browser.evaluate(page, PUBLISH % {"relay": json.dumps(relay)}, ",".join(answers))
    # Without anything that says who it is, then with a password, then with the cookie.
    listen(browser, page, relay, "", "failed for good", False)
    listen(browser, page, relay, "&authorization=known", "subscribed", is_known)
    if is_known:
        listen(browser, page, relay, "", "subscribed", True)
    else:
        # A page may not see an answer to a request with cookies that does not name its origin.
        listen(browser, page, relay, "", "failed for good", True)
        listen(browser, page, relay, "&authorization=known", "subscribed", False)
    message = 'message {"channel":"to-page","content":"%s"}'
    end = 'end {"code":1001,"reason":"the relay is stopping"}'
    say("publish")
    heard(browser, page, "first", "subscribed", message % "first")
    say("restart")
    heard(browser, page, "subscribed", end, "subscribed")
    say("publish")
    heard(browser, page, "second", message % "second")
    say("crash")
    heard(browser, page, "subscribed", "subscribed")
    say("publish")
    heard(browser, page, "third", message % "third")


def main(origins):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    port = server.server_address[1]
    say("port {}".format(port))
    relay = sys.stdin.readline().strip()
    folder = tempfile.mkdtemp()
    try:
        browser = Browser(folder)
        try:
            if origins == "known":
                # Another name of the same server is another origin.
                page = browser.open("http://localhost:{}/".format(port))
                refused = ["TypeError"] * 5
                browser.evaluate(page, PUBLISH % {"relay": json.dumps(relay)}, ",".join(refused))
                listen(browser, page, relay, "&authorization=known", "failed for good", False)
            talk(browser, browser.open("http://127.0.0.1:{}/".format(port)), relay, origins == "known")
            say("the conversation took place")
        finally:
            browser.stop()
    finally:
        # Processes of the browser end a moment later, and still write into it.
        shutil.rmtree(folder, ignore_errors=True)


main(*sys.argv[1:])
