"""Publishes over HTTP with `requests` or with `httpx`.

Usage: http_python.py requests|httpx URL

tests/it/http/foreign_clients.rs is at the other end, and says what is published.
"""

import importlib
import json
import sys
import uuid
from urllib.parse import quote

DEADLINE_SECONDS = 60
CHANNEL = "/publish/" + quote("clients/say hello ä€")


class Relay:
    """A session with it."""

    def __init__(self, library, url):
        self.url = url
        self.session = library.Session() if hasattr(library, "Session") else library.Client()
        # `requests` calls what it sends data, whatever it is.
        self.body = "data" if hasattr(library, "Session") else "content"

    def ask(self, expected, path, body, password="known", **headers):
        """The answer to a publication, whose status has to be this."""
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if password is not None:
            headers["Authorization"] = "Bearer " + password
        arguments = {self.body: body, "headers": headers, "timeout": DEADLINE_SECONDS}
        answer = self.session.post(self.url + path, **arguments)
        if answer.status_code != expected:
            raise SystemExit("{} in place of {}: {}".format(answer.status_code, expected, answer.text))
        if expected >= 400 and (
            answer.headers["content-type"] != "application/problem+json" or answer.json()["status"] != expected
        ):
            raise SystemExit("no problem: {}".format(answer.text))
        return answer


def expect(found, expected):
    if found != expected:
        raise SystemExit("{} in place of {}".format(found, expected))


def pieces():
    yield b'["a",'
    yield '"ä",'.encode()
    yield b"3]"


def main(library, url):
    relay = Relay(importlib.import_module(library), url)
    expect(relay.session.get(url + "/healthz").text, "ok\n")
    arguments = {"json": {"text": "ä€😀"}, "headers": {"Authorization": "Bearer known"}}
    expect(relay.session.post(url + CHANNEL, **arguments).json(), {"accepted": 1})
    text = "ä€😀\n2".encode()
    expect(relay.ask(202, CHANNEL, text, content_type="text/plain; charset=utf-8").json(), {"accepted": 1})
    expect(relay.ask(401, CHANNEL, "1", "unknown").headers["www-authenticate"], "Bearer")
    expect(relay.session.post(url + CHANNEL, json=1, auth=("any", "unknown")).status_code, 401)
    relay.ask(403, CHANNEL, "1", "another")
    for number in range(100):
        relay.ask(202, CHANNEL, str(number))
    lines = '{"channel":"list","content":1}\n\n{"channel":"list","content":["ä",2]}\n'.encode()
    listed = relay.ask(202, "/publish", lines, content_type="application/x-ndjson").json()
    expect(listed, {"accepted": 2, "results": [{"status": 202}] * 2})
    relay.ask(202, CHANNEL, pieces())
    relay.ask(202, CHANNEL, json.dumps("x" * 2_000_000))
    # Neither library stops sending before it reads: the answer is there when all is sent.
    relay.ask(413, CHANNEL, json.dumps("x" * 6_000_000))
    relay.ask(401, CHANNEL, json.dumps("x" * 2_000_000), None)
    key = str(uuid.uuid4())
    answers = [relay.ask(202, CHANNEL, '"once"', idempotency_key=key) for _ in range(2)]
    expect([answer.headers.get("idempotency-replayed") for answer in answers], [None, "true"])
    relay.ask(202, CHANNEL, '"last"')
    print("the conversation took place")


main(*sys.argv[1:])
