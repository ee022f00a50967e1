// History: how much is kept of the channels that have some, what became of listeners that came back, and each entry of the settings.

import { make, section } from './elements.js'
import { Facts } from './facts.js'
import { Gauge } from './room.js'
import { Table } from './table.js'
import { bytes, count, duration, exact, name } from './text.js'

export class KeptPart {
  #room = new Gauge('Kept messages', bytes)
  #facts = new Facts()
  #rules = new Table({ caption: 'Entries of history', key: row => row.name, empty: 'There are none.', columns: [
    { title: 'Entry', text: row => name(row.name), more: row => row.channels.map(name).join(', ') },
    { title: 'Channels', number: true, text: row => count(row.logs), hint: row => exact(row.logs) },
    { title: 'Messages', number: true, text: row => count(row.entries), hint: row => exact(row.entries), more: row => `${exact(row.size)} each` },
    { title: 'Bytes', number: true, text: row => bytes(row.bytes), more: row => `for ${duration(row.ttl_seconds)}` },
  ] })

  constructor() {
    this.element = section('History', { id: 'history' }, this.#room.element, this.#facts.element, make('div', {}, this.#rules.element))
  }

  update({ status: { history }, recent }) {
    this.element.hidden = !history
    if (!history) return
    this.#room.show(history.bytes, history.bytes_max)
    this.#facts.show(facts(history, recent?.history ?? {}))
    this.#rules.show(history.rules)
  }
}

/** What has not happened is left out, but for what everybody wants to know. */
function facts(history, recent) {
  const some = (number, mark = '') => [number > 0 ? exact(number) : null, { mark }]
  return [
    ['Messages kept', `${exact(history.entries)} of ${exact(history.logs)} channels`],
    ['The oldest', history.oldest_seconds === null ? null : `for ${duration(history.oldest_seconds)}`],
    ['Came back and got all that they had missed', exact(history.recovered)],
    ['Came back and were told of a loss', exact(history.not_recovered), { mark: recent.not_recovered > 0 ? 'warning' : '' }],
    ['Messages sent afterwards', ...some(history.replayed)],
    ['Gaps told', ...some(history.gaps, 'warning')],
    ['Runs of messages missing now', ...some(history.holes)],
    ['Fetched from other relays', ...some(history.fetched)],
    ['Gone before their time (history_bytes)', ...some(history.evicted, recent.evicted > 0 ? 'warning' : '')],
    ['Displaced by newer ones (size)', ...some(history.displaced)],
    ['Gone as too old (ttl)', ...some(history.expired)],
    ['Came too late or twice', ...some(history.late)],
    ['Channels forgotten', ...some(history.forgotten)],
  ]
}
