// Clients that the relay itself has disconnected, and that are in no list any more: the last ones of each reason.

import { section } from './elements.js'
import { link } from './routes.js'
import { Table } from './table.js'
import { longName, moment, name, shortNameOrNone } from './text.js'

const SHOWN_MAX = 20

export class EndedPart {
  #code = null
  #ended = undefined
  #table = new Table({ caption: 'Disconnected by the relay', key: row => `${row.time_ms} ${row.address} ${row.code}`, empty: 'Nobody since the start.', columns: [
    { title: 'When', whole: true, text: row => moment(row.time_ms) },
    { title: 'Client', text: row => name(row.address) },
    { title: 'Subject', text: row => shortNameOrNone(row.subject), hint: row => longName(row.subject), href: row => (row.subject ? link('clients', null, { subject: row.subject }) : null) },
    { title: 'Why', text: row => `${name(row.reason)} (${row.code})`, more: row => (row.limit ? `past ${name(row.limit)}` : ''),
      mark: row => (String(row.code) === this.#code ? 'wanted' : '') },
  ] })

  constructor() {
    this.element = section('Disconnected by the relay', { id: 'ended' }, this.#table.element)
  }

  /** Shows those with this close code first; null: none of them. */
  set code(code) {
    this.#code = code
    this.#show()
  }

  update({ status: { ended } }) {
    this.#ended = ended
    this.#show()
  }

  #show() {
    this.element.hidden = this.#ended === undefined
    const isWanted = row => String(row.code) === this.#code
    const rows = this.#ended ?? []
    this.#table.show([...rows.filter(isWanted), ...rows.filter(row => !isWanted(row))].slice(0, SHOWN_MAX))
  }
}
