"""Talks to a relay through a TLS proxy, and looks at the proxy's limit of connections by address.

Usage: through_proxy.py URL CERTIFICATE LIMIT

A limit of 0 is none.
"""

import asyncio
import json
import ssl
import sys

import websockets

DEADLINE_SECONDS = 60


async def converse(relay):
    """Authorizes, subscribes, publishes, and hears it."""
    for message in (
        {"type": "authorize", "authorization": "demo-password"},
        {"type": "subscribe", "channel": "news.today"},
        {"type": "publish", "channel": "news.today", "content": "through the proxy"},
    ):
        await relay.send(json.dumps(message))
    types = [json.loads(await relay.recv())["type"] for _ in range(4)]
    if types != ["hello", "authorization_ok", "subscribe_ok", "publish"]:
        raise SystemExit("unexpected: {}".format(types))


async def main(url, certificate, limit):
    context = ssl.create_default_context(cafile=certificate)
    open_one = lambda: websockets.connect(url, ssl=context)
    first = await open_one()
    await converse(first)
    if limit:
        others = [await open_one() for _ in range(limit - 1)]
        for other in others:
            await other.send('{"type":"authorize","authorization":"demo-password"}')
        try:
            await open_one()
            raise SystemExit("{} connections of one address, and one more".format(limit))
        except websockets.InvalidStatus as refused:
            if refused.response.status_code != 429:
                raise
        for other in others:
            other.transport.abort()
    await first.close()
    print("the conversation took place")


asyncio.run(asyncio.wait_for(main(sys.argv[1], sys.argv[2], int(sys.argv[3])), DEADLINE_SECONDS))
