"""Talks to a relay over TLS with `websockets`.

Usage: wss_python.py PORT AUTHORITY VERSION

tests/it/edge/wss_clients.rs is at the other end.
"""

import asyncio
import json
import ssl
import sys

import websockets

DEADLINE_SECONDS = 60


async def main(port, authority, version):
    context = ssl.create_default_context(cafile=authority)
    context.minimum_version = context.maximum_version = getattr(ssl.TLSVersion, "TLSv" + version.replace(".", "_"))
    relay = await websockets.connect("wss://localhost:{}".format(port), ssl=context)
    hear = lambda: asyncio.wait_for(relay.recv(), DEADLINE_SECONDS)
    tell = lambda **message: relay.send(json.dumps(message))
    await tell(type="authorize", authorization="both=*")
    await tell(type="subscribe", channel="to-client")
    types = [json.loads(await hear())["type"] for _ in range(3)]
    if types != ["hello", "authorization_ok", "subscribe_ok"]:
        raise SystemExit("unexpected: {}".format(types))
    await tell(type="publish", channel="from-client", content="ready")
    content = json.loads(await hear())["content"]
    await tell(type="publish", channel="from-client", content=content)
    spoken = relay.transport.get_extra_info("ssl_object").version()
    await relay.close()
    print("{} closed {}".format(spoken.removeprefix("TLSv"), relay.close_code))


asyncio.run(asyncio.wait_for(main(*sys.argv[1:]), DEADLINE_SECONDS))
