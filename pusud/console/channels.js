// Channels: those with most listeners, those with most messages, and any by a part of its name.

import { ask } from './api.js'
import { perSecond } from './client_columns.js'
import { attempt } from './dialogs.js'
import { choice, field, make, Notice } from './elements.js'
import { hanging, ListBar } from './list_bar.js'
import { Repeated } from './repeated.js'
import { link } from './routes.js'
import { Table } from './table.js'
import { bytes, count, exact, longName, name, several, shortName } from './text.js'

const EVERY_MS = 5000
const SORTS = [['listeners', 'listeners'], ['rate', 'messages'], ['name', 'names, in their order']]
const LIMITS = [['50', '50'], ['200', '200'], ['1000', '1000']]

export function openChannels(place) {
  return new Channels(place)
}

class Channels {
  title = 'Channels'
  #notice = new Notice()
  #table = new Table({ caption: 'Channels', key: row => row.channel, empty: 'No channel fits.', columns: [
    { title: 'Channel', text: row => shortName(row.channel), hint: row => longName(row.channel), href: row => link('channels', row.channel) },
    { title: 'Listeners', number: true, text: row => count(row.listeners), hint: row => exact(row.listeners) },
    { title: 'Messages', number: true, text: row => perSecond(row.messages_per_second) },
    { title: 'Bytes', number: true, text: row => (row.bytes_per_second === null ? '–' : `${bytes(row.bytes_per_second)}/s`) },
    { title: 'Kept', number: true, text: row => (row.history === null ? '–' : count(row.history)), hint: row => (row.history === null ? null : exact(row.history)) },
    { title: 'Other relays with listeners', text: row => row.relays.map(name).join(', ') || '–' },
  ] })
  #repeated = new Repeated(signal => this.#ask(signal), EVERY_MS)
  #bar = new ListBar('channels', [
    field('Most', choice(SORTS, 'listeners', { name: 'sort' })),
    field('Part of the name', make('input', { type: 'text', name: 'search', autocomplete: 'off', spellcheck: 'false', autocapitalize: 'off' })),
    field('At most', choice(LIMITS, '50', { name: 'limit' })),
  ], this.#repeated)
  #open = make('input', { type: 'text', name: 'channel', required: true, autocomplete: 'off', spellcheck: 'false', autocapitalize: 'off' })

  constructor(place) {
    const form = make('form', { class: 'bar', onsubmit: event => this.#go(event) }, field('A channel by its whole name', this.#open,
      'Also one that nobody listens to.'), make('button', { class: 'quiet' }, 'Open'))
    this.element = make('article', {}, make('h1', { tabindex: '-1' }, 'Channels'), this.#bar.element, this.#notice.element, this.#table.element, form)
    this.changed(place)
  }

  changed(place) {
    this.#bar.fill(place.filters)
    const hasRates = this.#bar.filters.sort === 'rate'
    for (const title of ['Messages', 'Bytes']) this.#table.showColumn(title, hasRates)
    // A list by rate takes a second.
    this.#bar.say('Asking …')
    this.#repeated.now()
  }

  close() {
    this.#repeated.stop()
  }

  #go(event) {
    event.preventDefault()
    location.hash = link('channels', this.#open.value)
  }

  async #ask(signal) {
    this.#table.isBusy = true
    const answer = await attempt(() => ask('channels', this.#bar.filters, signal), this.#notice)
    this.#table.isBusy = false
    if (signal.aborted) return
    if (answer === null) return this.#bar.say('')
    this.#notice.clear()
    // Over NATS nobody but the servers knows, and no relay is not the same as none that is known.
    this.#table.showColumn('Other relays with listeners', answer.relays_known)
    this.#table.showColumn('Kept', answer.channels.some(({ history }) => history !== null))
    this.#table.show(answer.channels)
    this.#bar.say(`${count(answer.channels.length)} of ${several(answer.matching, 'channel')} that fit, of ${count(answer.count)}${hanging(answer)}`)
  }
}
