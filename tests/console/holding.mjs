// An answer that comes late: the relay has given it, and the page gets it when the test says so.

const SESSION = '**/api/v1/session'
const WITHIN_MS = 30_000

export class Holding {
  /** How often the stream of figures was asked for since the answers were let go. */
  streams = 0
  #page
  #held = []
  #isOver = false
  #arrived = () => {}

  constructor(page) {
    this.#page = page
    page.on('request', request => { if (request.url().endsWith('/api/v1/live')) this.streams += 1 })
  }

  /** From now on answers are held. */
  async begin() {
    await this.#page.route(SESSION, async route => {
      if (this.#isOver || route.request().method() !== 'GET') return route.continue()
      const response = await route.fetch()
      this.#held.push(() => route.fulfill({ response }))
      this.#arrived()
    })
  }

  /** Waits until one is held. */
  async wait() {
    if (this.#held.length > 0) return
    await new Promise((resolve, reject) => {
      this.#arrived = resolve
      setTimeout(() => reject(new Error('no answer has come')), WITHIN_MS).unref()
    })
  }

  /** Lets those come that are held, and all others. */
  async end() {
    this.streams = 0
    this.#isOver = true
    for (const come of this.#held.splice(0)) await come()
    await this.#page.unroute(SESSION)
  }
}
