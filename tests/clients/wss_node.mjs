// Talks to a relay over TLS, with the WebSocket that Node.js has built in or with `ws`.
//
// Usage: wss_node.mjs built-in|ws PORT AUTHORITY VERSION
//
// For the built-in one, the authority and the version are told to Node.js itself, by NODE_EXTRA_CA_CERTS and
// --tls-min-v1.2 and the like. tests/it/edge/wss_clients.rs is at the other end.

import { readFileSync } from "node:fs"
import { createRequire } from "node:module"

const DEADLINE_MS = 60000
const [kind, port, authority, version] = process.argv.slice(2)
const url = `wss://localhost:${port}`

function connect() {
  if (kind === "built-in") return new WebSocket(url)
  const { WebSocket: Library } = createRequire(import.meta.url)("/usr/share/nodejs/ws")
  const tls = { ca: readFileSync(authority), minVersion: `TLSv${version}`, maxVersion: `TLSv${version}` }
  return new Library(url, tls)
}

// A connection, the messages on it one by one, and its end.
function conversation() {
  const relay = connect()
  const heard = []
  const waiting = []
  relay.onmessage = ({ data }) => {
    const message = JSON.parse(data)
    waiting.length ? waiting.shift()(message) : heard.push(message)
  }
  relay.onerror = (event) => { console.error(event.message ?? event.error ?? event); process.exit(1) }
  const closed = new Promise((done) => { relay.onclose = ({ code }) => done(code) })
  const next = () => new Promise((done) => (heard.length ? done(heard.shift()) : waiting.push(done)))
  const tell = (message) => relay.send(JSON.stringify(message))
  return { relay, closed, next, tell }
}

// The relay says which TLS a connection speaks: the built-in WebSocket does not.
async function spoken() {
  const { next, tell } = conversation()
  await next()
  tell({ type: "authorize", authorization: "attribute=tls.version" })
  return (await next()).reason
}

setTimeout(() => { console.error("the deadline has passed"); process.exit(1) }, DEADLINE_MS).unref()
const said = await spoken()
const { relay, closed, next, tell } = conversation()
const types = [(await next()).type]
tell({ type: "authorize", authorization: "both=*" })
tell({ type: "subscribe", channel: "to-client" })
types.push((await next()).type, (await next()).type)
if (types.join() !== "hello,authorization_ok,subscribe_ok") throw new Error(`unexpected: ${types}`)
tell({ type: "publish", channel: "from-client", content: "ready" })
const { content } = await next()
tell({ type: "publish", channel: "from-client", content })
relay.close(1000)
console.log(`${said} closed ${await closed}`)
