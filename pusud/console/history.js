// The last 15 minutes of the figures, kept in this page alone: 180 steps of 5 seconds.
//
// Counters become rates: what was counted within a step. Where the page was not told for longer, or the relay was started
// again, there is a gap and no figure made up.

const STEP_MS = 5000
const STEPS = 180
const GAP_MS = 4000

const COUNTERS = {
  published: ({ messages }) => messages.published,
  delivered: ({ messages }) => messages.delivered,
  bytes: ({ messages }) => (messages.published_bytes ?? 0) + (messages.delivered_bytes ?? 0),
}

export class History {
  /** Of each step its number, the sample it began with, and its last one. */
  #steps = []

  /** Takes in a status of this moment, in milliseconds. */
  add(status, ms) {
    const sample = { ms, since: status.since, connections: status.connections.total }
    for (const [key, read] of Object.entries(COUNTERS)) sample[key] = read(status)
    const number = Math.floor(ms / STEP_MS)
    // The clock was set back: these are of a time that is still to come.
    while (this.#steps.at(-1)?.last.ms >= ms) this.#steps.pop()
    const last = this.#steps.at(-1)
    const follows = last && sample.since === last.last.since && ms - last.last.ms < GAP_MS
    if (follows && last.number === number) last.last = sample
    else this.#steps.push({ number, first: follows ? last.last : sample, last: sample })
    while (this.#steps.length > 0 && this.#steps[0].number <= number - STEPS) this.#steps.shift()
  }

  /** The figures of each step, the oldest first; null where there is none. */
  series(key) {
    const values = new Array(STEPS).fill(null)
    const newest = this.#steps.at(-1)?.number ?? 0
    for (const step of this.#steps) {
      values[STEPS - 1 - (newest - step.number)] = value(step, key)
    }
    return values
  }

  /** The figure of the last seconds. */
  now(key) {
    const step = this.#steps.at(-1)
    return step ? value(step, key) : null
  }

  /** When the step at this place of the series began, in milliseconds. */
  timeOf(place) {
    const newest = this.#steps.at(-1)?.number ?? 0
    return (newest - (STEPS - 1 - place)) * STEP_MS
  }
}

function value({ first, last }, key) {
  if (!(key in COUNTERS)) return last[key]
  return last.ms > first.ms ? Math.max(0, ((last[key] - first[key]) * 1000) / (last.ms - first.ms)) : null
}
