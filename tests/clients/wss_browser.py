"""Talks to a relay over TLS from a page in headless Chromium, which trusts the relay's key by its hash.

Usage: wss_browser.py PORT AUTHORITY VERSION

tests/it/edge/wss_clients.rs is at the other end.
"""

import base64
import hashlib
import shutil
import socket
import ssl
import sys
import tempfile
import time

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from browser import Browser

# Chromium ends or holds connections while it thinks that the machine's network changes, as after its start and where tests
# beside this one make interfaces. Another one is asked then: nothing was published before.
ATTEMPTS_MAX = 8
ATTEMPT_SECONDS = 15

# The relay says which TLS a connection speaks: a page cannot see it.
TALK = """
(async () => {
  const conversation = () => {
    const relay = new WebSocket(%r)
    const heard = [], waiting = []
    relay.onmessage = ({ data }) => {
      const message = JSON.parse(data)
      waiting.length ? waiting.shift()(message) : heard.push(message)
    }
    const closed = new Promise(done => { relay.onclose = ({ code, wasClean }) => done(wasClean ? code : `dirty ${code}`) })
    const next = () => Promise.race([
      new Promise(done => heard.length ? done(heard.shift()) : waiting.push(done)),
      closed.then(code => ({ type: `closed ${code}` })),
    ])
    const tell = message => relay.send(JSON.stringify(message))
    return { relay, closed, next, tell }
  }
  const asking = conversation()
  let first = await asking.next()
  if (first.type !== "hello") return first.type
  asking.tell({ type: "authorize", authorization: "attribute=tls.version" })
  const spoken = (await asking.next()).reason
  const { relay, closed, next, tell } = conversation()
  const types = [(await next()).type]
  tell({ type: "authorize", authorization: "both=*" })
  tell({ type: "subscribe", channel: "to-client" })
  types.push((await next()).type, (await next()).type)
  if (types.join() !== "hello,authorization_ok,subscribe_ok") return types.join()
  tell({ type: "publish", channel: "from-client", content: "ready" })
  const { content } = await next()
  tell({ type: "publish", channel: "from-client", content })
  relay.close(1000)
  return `${spoken} closed ${await closed}`
})()
"""


def key_hash(port, authority):
    """The SHA-256 of the key that the relay shows, whose certificate the authority has to have issued."""
    context = ssl.create_default_context(cafile=authority)
    with socket.create_connection(("127.0.0.1", port), 20) as plain:
        with context.wrap_socket(plain, server_hostname="localhost") as encrypted:
            certificate = x509.load_der_x509_certificate(encrypted.getpeercert(binary_form=True))
    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(key).digest()).decode()


def main(port, authority, version):
    flags = [
        "--ignore-certificate-errors-spki-list=" + key_hash(int(port), authority),
        "--ssl-version-min=tls" + version,
        "--ssl-version-max=tls" + version,
    ]
    for attempt in range(ATTEMPTS_MAX):
        try:
            talk(port, flags, version)
            print("{} closed 1000".format(version))
            return
        except SystemExit as failed:
            if attempt + 1 == ATTEMPTS_MAX:
                raise
            print("once more, after: {}".format(str(failed)[-200:]), file=sys.stderr)


def talk(port, flags, version):
    folder = tempfile.mkdtemp()
    try:
        browser = Browser(folder, flags)
        try:
            browser.end = time.monotonic() + ATTEMPT_SECONDS
            page = browser.open("about:blank")
            browser.evaluate(page, TALK % "wss://localhost:{}".format(port), "{} closed 1000".format(version))
        finally:
            browser.stop()
    finally:
        # Processes of the browser end a moment later, and still write into it.
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
