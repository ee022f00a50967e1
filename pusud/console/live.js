// The stream of figures, one a second, and whether it comes: `figures`, `lost` with `retry_ms`, `asking` whether it is back, and
// `signed-out`.
//
// A stream that is lost is opened again by itself, later each time, up to every ten seconds. Browsers would do that too, but
// not after an answer with an error, and they do not say when.

import { address, ask } from './api.js'
import { History } from './history.js'

const SILENT_MS = 5000
const RETRY_MS_MAX = 10000

export class Live extends EventTarget {
  /** What came last: `status`, `problems`, `recent`, `time_ms`; null before the first. */
  latest = null
  /** The last 15 minutes. */
  history = new History()
  /** When something came last, by this machine's clock in milliseconds. */
  heard = 0
  #source = null
  #timer = 0
  #retryMs = 1000
  /** Counts what ends a question that is under way. */
  #generation = 0

  /** Opens the stream. */
  start() {
    this.stop()
    this.#source = new EventSource(address('live'))
    this.#source.addEventListener('status', event => this.#hear(event.data))
    this.#source.addEventListener('error', () => this.#lost())
    this.#expect()
  }

  /** Closes it. */
  stop() {
    this.#generation += 1
    clearTimeout(this.#timer)
    this.#source?.close()
    this.#source = null
  }

  #hear(data) {
    this.latest = JSON.parse(data)
    this.heard = Date.now()
    this.#retryMs = 1000
    this.history.add(this.latest.status, this.latest.time_ms)
    this.#expect()
    this.#say('figures')
  }

  /** A connection can be dead without anybody saying so. */
  #expect() {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#lost(), SILENT_MS)
  }

  #lost() {
    this.stop()
    const retry_ms = this.#retryMs
    this.#retryMs = Math.min(retry_ms * 2, RETRY_MS_MAX)
    this.#say('lost', { retry_ms })
    this.#timer = setTimeout(() => this.#again(), retry_ms)
  }

  /** Asks first whether the session still holds, which a stream does not say: a relay that was restarted knows none. */
  async #again() {
    const generation = this.#generation
    this.#say('asking')
    const failure = await ask('session').then(() => null, failure => failure)
    // Meanwhile it may have been stopped.
    if (generation !== this.#generation) return
    if (failure === null) this.start()
    else if (failure.status === 401) this.#say('signed-out')
    else this.#lost()
  }

  #say(what, detail = null) {
    this.dispatchEvent(new CustomEvent(what, { detail }))
  }
}
