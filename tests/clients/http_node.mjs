// Publishes and listens over HTTP with the fetch of Node.js.
//
// Usage: http_node.mjs publish URL
//        http_node.mjs listen URL CHANNEL...
//
// What listens prints each event as one line of JSON, its name and its data, and comes back whenever a stream ends, until it
// hears `stop`. tests/it/http/foreign_clients.rs is at the other end, and says what is published.

import crypto from "node:crypto"

const DEADLINE_MS = 60000
const [what, url, ...channels] = process.argv.slice(2)
const channel = `/publish/${["clients", "say hello ä€"].map(encodeURIComponent).join("/")}`

function expect(found, expected) {
  const [one, other] = [found, expected].map((value) => JSON.stringify(value))
  if (one !== other) throw new Error(`${one} in place of ${other}`)
}

async function ask(expected, path, body, { password = "known", ...headers } = {}) {
  if (password) headers.Authorization = `Bearer ${password}`
  const answer = await fetch(url + path, { method: "POST", headers, body, duplex: "half" })
  const text = await answer.text()
  if (answer.status !== expected) throw new Error(`${answer.status} in place of ${expected}: ${text}`)
  if (expected >= 400) expect([answer.headers.get("content-type"), JSON.parse(text).status], ["application/problem+json", expected])
  return { json: JSON.parse(text), headers: answer.headers }
}

const json = { "Content-Type": "application/json" }
const long = (length) => JSON.stringify("x".repeat(length))

function pieces() {
  const encoder = new TextEncoder()
  const all = ['["a",', '"ä",', "3]"]
  return new ReadableStream({
    pull(controller) {
      all.length ? controller.enqueue(encoder.encode(all.shift())) : controller.close()
    },
  })
}

async function publish() {
  expect(await (await fetch(url + "/healthz")).text(), "ok\n")
  expect((await ask(202, channel, JSON.stringify({ text: "ä€😀" }), json)).json, { accepted: 1 })
  // A string without a type is sent as text/plain;charset=UTF-8.
  expect((await ask(202, channel, "ä€😀\n2")).json, { accepted: 1 })
  expect((await ask(401, channel, "1", { password: "unknown", ...json })).headers.get("www-authenticate"), "Bearer")
  await ask(403, channel, "1", { password: "another", ...json })
  for (let number = 0; number < 100; number++) await ask(202, channel, String(number), json)
  const lines = '{"channel":"list","content":1}\n\n{"channel":"list","content":["ä",2]}\n'
  const listed = (await ask(202, "/publish", lines, { "Content-Type": "application/x-ndjson" })).json
  expect(listed, { accepted: 2, results: [{ status: 202 }, { status: 202 }] })
  await ask(202, channel, pieces(), json)
  await ask(202, channel, long(2_000_000), json)
  await ask(413, channel, long(6_000_000), json)
  await ask(401, channel, long(2_000_000), { password: "", ...json })
  const key = { "Idempotency-Key": crypto.randomUUID(), ...json }
  const answers = [await ask(202, channel, '"once"', key), await ask(202, channel, '"once"', key)]
  expect(answers.map(({ headers }) => headers.get("idempotency-replayed")), [null, "true"])
  await ask(202, channel, '"last"', json)
  console.log("the conversation took place")
}

// The events of one stream.
async function* events() {
  const query = new URLSearchParams(channels.map((channel) => ["channel", channel]))
  const answer = await fetch(`${url}/events?${query}`, { headers: { Authorization: "Bearer known" } })
  if (!answer.ok) throw new Error(`${answer.status}: ${await answer.text()}`)
  let text = ""
  for await (const piece of answer.body.pipeThrough(new TextDecoderStream())) {
    text += piece
    const whole = text.split("\n\n")
    text = whole.pop()
    for (const event of whole) {
      const fields = (name) => event.split("\n").filter((line) => line.startsWith(`${name}: `)).map((line) => line.slice(name.length + 2))
      if (fields("data").length) yield [fields("event")[0] ?? "message", fields("data").join("\n")]
    }
  }
}

async function listen() {
  for (;;) {
    try {
      for await (const event of events()) {
        console.log(JSON.stringify(event))
        if (event[1].includes('"stop"')) return
      }
    } catch (error) {
      // The relay is between two starts.
      if (error.cause?.code !== "ECONNREFUSED") throw error
      await new Promise((done) => setTimeout(done, 20))
    }
  }
}

setTimeout(() => { console.error("the deadline has passed"); process.exit(1) }, DEADLINE_MS).unref()
await (what === "publish" ? publish() : listen())
