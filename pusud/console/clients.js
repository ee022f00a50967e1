// Clients: those for whom most waits, who publish most, who listen to most; found by address, subject and channel.

import { ask } from './api.js'
import { CLIENT_COLUMNS, RATES } from './client_columns.js'
import { attempt } from './dialogs.js'
import { choice, field, make, Notice } from './elements.js'
import { EndedPart } from './ended.js'
import { hanging, ListBar } from './list_bar.js'
import { Repeated } from './repeated.js'
import { RevocationsPart } from './revocations.js'
import { Table } from './table.js'
import { count, several } from './text.js'

const EVERY_MS = 5000
const SORTS = [['waiting', 'what waits for them'], ['rate', 'their rates'], ['subscriptions', 'subscriptions'], ['age', 'age']]
const LIMITS = [['50', '50'], ['200', '200'], ['1000', '1000']]

export function openClients(place, relay) {
  return new Clients(place, relay)
}

class Clients {
  title = 'Clients'
  #notice = new Notice()
  #table = new Table({ caption: 'Clients', columns: CLIENT_COLUMNS, key: row => row.id, empty: 'No client fits.' })
  #repeated = new Repeated(signal => this.#ask(signal), EVERY_MS)
  #ended = new EndedPart()
  #revocations
  #bar

  constructor(place, relay) {
    this.#bar = new ListBar('clients', [
      field('Most of', choice(SORTS, 'waiting', { name: 'sort' })),
      field('Address', text('address', '203.0.113.7')),
      field('Subject', text('subject')),
      field('Listens to', text('channel')),
      field('At most', choice(LIMITS, '50', { name: 'limit' })),
    ], this.#repeated)
    this.#revocations = new RevocationsPart(relay)
    this.element = make('article', {}, make('h1', { tabindex: '-1' }, 'Clients'), this.#bar.element, this.#notice.element, this.#table.element,
      this.#ended.element, this.#revocations.element)
    this.changed(place)
  }

  update(latest) {
    this.#ended.update(latest)
  }

  changed(place) {
    this.#bar.fill(place.filters)
    const hasRates = this.#bar.filters.sort === 'rate'
    for (const title of RATES) this.#table.showColumn(title, hasRates)
    this.#repeated.now()
  }

  close() {
    this.#repeated.stop()
  }

  async #ask(signal) {
    this.#table.isBusy = true
    const answer = await attempt(() => ask('clients', this.#bar.filters, signal), this.#notice)
    this.#table.isBusy = false
    if (answer === null) return
    this.#notice.clear()
    this.#table.show(answer.clients)
    this.#bar.say(`${count(answer.clients.length)} of ${several(answer.matching, 'client')} that fit, of ${count(answer.count)}${hanging(answer)}`)
  }
}

function text(name, placeholder = null) {
  return make('input', { type: 'text', name, placeholder, autocomplete: 'off', spellcheck: 'false', autocapitalize: 'off' })
}
