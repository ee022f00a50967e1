"""Listens to events with an SSE library, or line by line, and comes back whenever a stream ends, until it hears `stop`.

Usage: http_events.py httpx-sse|sseclient|requests URL CHANNEL...

Prints each event as one line of JSON: its name and its data. tests/it/http/foreign_clients.rs is at the other end.
"""

import json
import sys
import time

import httpx
import httpx_sse
import requests
import sseclient

DEADLINE_SECONDS = 60
HEADERS = {"Authorization": "Bearer known"}


def with_httpx(url, channels):
    with httpx.Client(timeout=DEADLINE_SECONDS) as client:
        with httpx_sse.connect_sse(client, "GET", url + "/events", params=channels, headers=HEADERS) as source:
            yield from source.iter_sse()


def ask_with_requests(url, channels):
    headers = {**HEADERS, "Accept": "text/event-stream"}
    arguments = {"params": channels, "headers": headers, "stream": True, "timeout": DEADLINE_SECONDS}
    answer = requests.get(url + "/events", **arguments)
    answer.raise_for_status()
    return answer


def with_sseclient(url, channels):
    with ask_with_requests(url, channels) as answer:
        yield from sseclient.SSEClient(answer).events()


def with_lines(url, channels):
    with ask_with_requests(url, channels) as answer:
        name, data = "message", []
        for line in answer.iter_lines():
            field, _, value = line.decode().partition(": ")
            if field == "event":
                name = value
            elif field == "data":
                data.append(value)
            elif not line and data:
                yield sseclient.Event(event=name, data="\n".join(data))
                name, data = "message", []


def main(library, url, *channels):
    listen = {"httpx-sse": with_httpx, "sseclient": with_sseclient, "requests": with_lines}[library]
    end = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < end:
        try:
            for event in listen(url, [("channel", channel) for channel in channels]):
                print(json.dumps([event.event, event.data]), flush=True)
                if '"stop"' in event.data:
                    return
        except (httpx.ConnectError, requests.ConnectionError):
            # The relay is between two starts.
            time.sleep(0.02)
    raise SystemExit("the deadline has passed")


main(*sys.argv[1:])
