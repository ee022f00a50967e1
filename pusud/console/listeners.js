// Listeners and their certificates, and files that options are read from.

import { make, section } from './elements.js'
import { Table } from './table.js'
import { exact, moment, name, several } from './text.js'

const SOON_DAYS = 14

export class ListenersPart {
  #table = new Table({ caption: 'Listeners', key: row => row.name, columns: [
    { title: 'Listener', text: row => name(row.name), more: row => name(row.address) },
    { title: 'Connections', number: true, text: row => exact(row.connections) },
    { title: 'Certificate', text: certificate, more: names, mark: row => (row.tls === null ? '' : mark(row.tls.days_left)) },
  ] })
  #files = new Table({ caption: 'Files of options', key: row => row.path, columns: [
    { title: 'File', text: row => name(row.path) },
    { title: 'Read', text: row => moment(row.since * 1000) },
    { title: 'State', text: row => (row.fault === null ? 'holds' : name(row.fault)), mark: row => (row.fault === null ? 'good' : 'error') },
  ] })
  #filesPart

  constructor() {
    this.#filesPart = section('Files of options', { id: 'option-files' }, this.#files.element)
    this.element = make('div', {}, section('Listeners and certificates', { id: 'listeners' }, this.#table.element), this.#filesPart)
  }

  update({ status: { listeners, option_files } }) {
    this.#table.show(listeners)
    this.#filesPart.hidden = option_files.length === 0
    this.#files.show(option_files)
  }
}

/** Until when the first of its certificates is valid. */
function certificate({ tls }) {
  if (tls === null) return 'not encrypted'
  const ends = Math.min(...tls.certificates.map(({ not_after }) => not_after))
  const until = moment(ends * 1000)
  if (ends * 1000 <= Date.now()) return `expired ${until}`
  return `valid until ${until} (${several(tls.days_left, 'day')})`
}

function names({ tls }) {
  return tls === null ? '' : tls.certificates.flatMap(one => one.names).map(name).join(', ')
}

function mark(days) {
  if (days < 0) return 'error'
  return days < SOON_DAYS ? 'warning' : 'good'
}
