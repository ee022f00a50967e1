"""Talks to a relay through a proxy from several addresses of this machine, and sees who the relay takes the clients for.

Usage: through_proxy.py URL CERTIFICATE LIMIT

The relay has `ScriptedAuthenticator`, and takes LIMIT connections of one address. Clients write addresses of others into
their own headers, which nobody may believe.
"""

import asyncio
import json
import ssl
import sys

import websockets

DEADLINE_SECONDS = 60
CLIENTS = ("203.0.113.7", "203.0.113.8")
# What a client says of itself.
LIES = {"X-Forwarded-For": "198.51.100.1", "Forwarded": "for=198.51.100.1", "X-Real-IP": "198.51.100.1"}


class Relay:
    """The way to it."""

    def __init__(self, url, certificate):
        self.url = url
        self.context = ssl.create_default_context(cafile=certificate)

    async def connect(self, client):
        """A connection from one of the addresses."""
        address = (client, 0)
        return await websockets.connect(self.url, ssl=self.context, local_addr=address, additional_headers=LIES)

    async def client(self, client):
        """A connection that may read and write everything."""
        connection = await self.connect(client)
        await tell(connection, type="authorize", authorization="both=*")
        await hear(connection, "hello", "authorization_ok")
        return connection

    async def is_refused(self, client):
        """Whether no more connections of this address are taken: 429, or an end before TLS is spoken."""
        try:
            await self.connect(client)
            return False
        except websockets.InvalidStatus as refused:
            return refused.response.status_code == 429
        except (ConnectionError, ssl.SSLError):
            return True


async def tell(connection, **message):
    await connection.send(json.dumps(message))


async def hear(connection, *types):
    """The last of messages of these types."""
    for expected in types:
        message = json.loads(await connection.recv())
        if message["type"] != expected:
            raise SystemExit("expected {}, heard {}".format(expected, message))
    return message


async def main(url, certificate, limit):
    relay = Relay(url, certificate)
    for client in CLIENTS:
        asking = await relay.connect(client)
        await tell(asking, type="authorize", authorization="peer")
        seen = (await hear(asking, "hello", "authorization_failed"))["reason"]
        if seen.split(":")[0] != client:
            raise SystemExit("{} is taken for {}".format(client, seen))
        await asking.wait_closed()
        asking.transport.abort()
    first = await relay.client(CLIENTS[0])
    await tell(first, type="subscribe", channel="news.today")
    await tell(first, type="publish", channel="news.today", content="through the proxy")
    await hear(first, "subscribe_ok", "publish")
    # Those that have left may still be counted.
    others = []
    while len(others) < limit - 1:
        try:
            others.append(await relay.client(CLIENTS[0]))
        except (websockets.InvalidStatus, ConnectionError, ssl.SSLError):
            await asyncio.sleep(0.01)
    if not await relay.is_refused(CLIENTS[0]):
        raise SystemExit("{} connections of one address, and one more".format(limit))
    await (await relay.client(CLIENTS[1])).close()
    for other in others:
        other.transport.abort()
    await first.close()
    print("the conversation took place")


asyncio.run(asyncio.wait_for(main(sys.argv[1], sys.argv[2], int(sys.argv[3])), DEADLINE_SECONDS))
