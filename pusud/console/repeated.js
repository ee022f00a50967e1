// Something that a view asks again and again, as long as somebody looks.
//
// Lists cost the relay something, so that the next one is asked for only when the last one is there, and none while the page
// is hidden.

export class Repeated {
  #work
  #everyMs
  #timer = 0
  #abort = new AbortController()
  #stopped = false

  /** `work` is given a signal that ends its request, and does not throw. */
  constructor(work, everyMs) {
    this.#work = work
    this.#everyMs = everyMs
  }

  /** Whether it repeats; `now` asks also where it does not. */
  isOn = true

  /** Asks now, and forgets a request that is under way. */
  async now() {
    if (this.#stopped) return
    clearTimeout(this.#timer)
    this.#abort.abort()
    const abort = this.#abort = new AbortController()
    await this.#work(abort.signal)
    if (!this.#stopped && abort === this.#abort) this.#later()
  }

  /** Ends it. */
  stop() {
    this.#stopped = true
    clearTimeout(this.#timer)
    this.#abort.abort()
  }

  #later() {
    this.#timer = setTimeout(() => (this.isOn && !document.hidden ? this.now() : this.#later()), this.#everyMs)
  }
}
