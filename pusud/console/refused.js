// Refusals and disconnects: those that grew in the last minute, and below them all since the start.

import { make, section, setText } from './elements.js'
import { link } from './routes.js'
import { Table } from './table.js'
import { exact, name } from './text.js'

const COLUMNS = [
  { title: 'What', text: row => row.what, more: row => row.why, href: row => row.href },
  { title: 'Last minute', number: true, text: row => (row.grown > 0 ? `+${exact(row.grown)}` : '0'), mark: row => (row.grown > 0 ? 'warning' : '') },
  { title: 'Since the start', number: true, text: row => exact(row.all) },
]

export class RefusedPart {
  #grown = new Table({ caption: 'Refused and disconnected in the last minute', columns: COLUMNS, key: row => row.what + row.why,
    empty: 'Nothing was refused, and nobody disconnected by the relay, in the last minute.' })
  #all = new Table({ caption: 'Refused and disconnected since the start', columns: COLUMNS, key: row => row.what + row.why,
    empty: 'Nothing since the start.' })
  #summary = make('summary', {}, 'All since the start')

  constructor() {
    this.element = section('Refused and disconnected', { id: 'refused', }, this.#grown.element,
      make('details', {}, this.#summary, this.#all.element))
  }

  update({ status, recent }) {
    const rows = [...disconnects(status, recent), ...refusals(status, recent)]
    this.#grown.show(rows.filter(({ grown }) => grown > 0).sort((one, other) => other.grown - one.grown))
    const all = rows.filter(row => row.all > 0).sort((one, other) => other.all - one.all)
    this.#all.show(all)
    setText(this.#summary, `All since the start (${all.length})`)
  }
}

function disconnects(status, recent) {
  const grown = new Map((recent?.disconnects ?? []).map(row => [`${row.code} ${row.reason}`, row.count]))
  return status.disconnects.map(({ code, reason, count }) => ({
    what: `Disconnected with ${code}`, why: name(reason), href: link('clients', null, { show: 'ended', code }), grown: grown.get(`${code} ${reason}`) ?? 0, all: count,
  }))
}

function refusals(status, recent) {
  return Object.entries(status.refusals).map(([limit, all]) => ({
    what: `Refused: past ${limit}`, why: '', href: link('settings', null, { key: limit }), grown: recent?.refusals?.[limit] ?? 0, all,
  }))
}
