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
  #heading = make('h1', { tabindex: '-1' }, 'Clients')
  /** Whether the view was opened for those who are gone, and the focus goes there. */
  #isWanted = false

  constructor(place, relay) {
    this.#bar = new ListBar('clients', [
      field('Most of', choice(SORTS, 'waiting', { name: 'sort' })),
      field('Address', text('address', '203.0.113.7')),
      field('Subject', text('subject')),
      field('Listens to', text('channel')),
      field('At most', choice(LIMITS, '50', { name: 'limit' })),
    ], this.#repeated)
    this.#revocations = new RevocationsPart(relay)
    this.element = make('article', {}, this.#heading, this.#bar.element, this.#notice.element, this.#table.element,
      this.#ended.element, this.#revocations.element)
    this.changed(place)
  }

  update(latest) {
    this.#ended.update(latest)
    if (!this.#isWanted) return
    this.#isWanted = false
    const heading = this.#ended.element.querySelector('h2')
    heading.scrollIntoView({ block: 'nearest' })
    heading.focus({ preventScroll: true })
  }

  changed(place) {
    this.#bar.fill(place.filters)
    this.#isWanted = place.filters.get('show') === 'ended'
    this.#ended.code = place.filters.get('code')
    // A problem about clients that are gone leads to them, and not to a list of others above them.
    if (this.#isWanted) this.#heading.after(this.#ended.element)
    else this.#revocations.element.before(this.#ended.element)
    const hasRates = this.#bar.filters.sort === 'rate'
    for (const title of RATES) this.#table.showColumn(title, hasRates)
    // A list by rate takes a second.
    this.#bar.say('Asking …')
    this.#repeated.now()
  }

  close() {
    this.#repeated.stop()
  }

  async #ask(signal) {
    this.#table.isBusy = true
    const answer = await attempt(() => ask('clients', this.#bar.filters, signal), this.#notice)
    this.#table.isBusy = false
    if (signal.aborted) return
    if (answer === null) return this.#bar.say('')
    this.#notice.clear()
    this.#table.show(answer.clients)
    this.#bar.say(`${count(answer.clients.length)} of ${several(answer.matching, 'client')} that fit, of ${count(answer.count)}${hanging(answer)}`)
  }
}

function text(name, placeholder = null) {
  return make('input', { type: 'text', name, placeholder, autocomplete: 'off', spellcheck: 'false', autocapitalize: 'off' })
}
