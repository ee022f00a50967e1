// Times: how long things took since the start, out of histograms. A share of them took no longer than the bound of a bucket.

import { section } from './elements.js'
import { Table } from './table.js'
import { count, duration, exact } from './text.js'

const ROWS = [
  ['authorize', 'To decide about an authorization'],
  ['accepted_to_flushed', 'From a message accepted to the kernel'],
  ['fan_out', 'To hand a batch to all listeners'],
  ['settle', 'Until linked relays know of a subscription'],
]

export class TimesPart {
  #table = new Table({ caption: 'Times', key: row => row.what, empty: 'Nothing has been measured yet.', columns: [
    { title: 'What', text: row => row.what },
    { title: 'Half within', number: true, text: row => within(row.histogram, 0.5) },
    { title: '99 of 100 within', number: true, text: row => within(row.histogram, 0.99) },
    { title: 'Measured', number: true, text: row => count(total(row.histogram)), hint: row => exact(total(row.histogram)) },
  ] })

  constructor() {
    this.element = section('How fast', { id: 'times' }, this.#table.element)
  }

  update({ status: { times } }) {
    const rows = ROWS.map(([key, what]) => ({ what, histogram: times?.[key] }))
    this.#table.show(rows.filter(({ histogram }) => histogram && total(histogram) > 0))
  }
}

function total({ counts }) {
  return counts.reduce((sum, number) => sum + number, 0)
}

/** The bound below which so large a share of the values is. */
export function within({ bounds, counts }, share) {
  let missing = total({ counts }) * share
  for (const [at, number] of counts.entries()) {
    missing -= number
    if (missing <= 0) return at < bounds.length ? duration(bounds[at]) : `more than ${duration(bounds.at(-1))}`
  }
  return '–'
}
