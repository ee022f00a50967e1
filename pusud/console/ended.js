// Clients that the relay itself has disconnected, and that are in no list any more: the last ones of each reason.

import { section } from './elements.js'
import { link } from './routes.js'
import { Table } from './table.js'
import { moment, name, nameOrNone } from './text.js'

export class EndedPart {
  #table = new Table({ caption: 'Disconnected by the relay', key: row => `${row.time_ms} ${row.address} ${row.code}`, empty: 'Nobody since the start.', columns: [
    { title: 'When', text: row => moment(row.time_ms) },
    { title: 'Client', text: row => name(row.address) },
    { title: 'Subject', text: row => nameOrNone(row.subject), href: row => (row.subject ? link('clients', null, { subject: row.subject }) : null) },
    { title: 'Why', text: row => `${name(row.reason)} (${row.code})` },
  ] })

  constructor() {
    this.element = section('Disconnected by the relay', { id: 'ended' }, this.#table.element)
  }

  update({ status: { ended } }) {
    this.element.hidden = ended === undefined
    this.#table.show((ended ?? []).slice(0, 20))
  }
}
