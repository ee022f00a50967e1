// Network: the relays that work as one, as a picture and as a table, as this relay sees them and as they see each other.

import { make, section, setText } from './elements.js'
import { NatsPart } from './nats.js'
import { RelayPicture } from './relay_picture.js'
import { differences, relaysOf } from './relays.js'
import { Table } from './table.js'
import { bytes, count, duration, exact, name, several } from './text.js'

export function openNetwork(place, relay) {
  return new Network(place, relay)
}

const STATES = { linked: 'linked', linking: 'linking', down: 'not linked', stopped: 'stopped', itself: 'this relay' }
const OF_LINKS = ['Round trip', 'Queue', 'Sent', 'Channels']
const MARKS = { linked: 'good', linking: 'warning', down: 'error', stopped: '', itself: '' }

class Network {
  title = 'Network'
  #wanted
  #line = make('p', { class: 'line' })
  #picture = new RelayPicture()
  #nats = new NatsPart()
  #table
  #differ = new Table({ caption: 'Differences', key: row => row.by + row.of, empty: 'All relays see the network as this one does.', columns: [
    { title: 'Relay', text: row => name(row.by) },
    { title: 'Sees', text: row => name(row.of) },
    { title: 'As', text: row => STATES[row.state] ?? row.state, mark: row => MARKS[row.state] ?? '' },
    { title: 'This relay sees it as', text: row => STATES[row.here] ?? row.here, mark: row => MARKS[row.here] ?? '' },
  ] })
  #body

  constructor(place) {
    this.#wanted = place.filters.get('relay')
    this.#table = new Table({ caption: 'Relays', key: row => row.key, columns: this.#columns(), empty: 'This relay is linked with none.' })
    this.#body = make('div', {}, this.#picture.element, this.#nats.element, section('Relays', {}, this.#table.element),
      section('Where they differ', {}, this.#differ.element))
    this.element = make('article', {}, make('h1', { tabindex: '-1' }, 'Network'), this.#line, this.#body)
  }

  #columns() {
    return [
      { title: 'Relay', text: row => name(row.name), more: row => name(row.where), mark: row => (row.name === this.#wanted ? 'wanted' : '') },
      { title: 'State', text: row => STATES[row.state] ?? row.state, mark: row => MARKS[row.state] ?? '', more: since },
      { title: 'Round trip', number: true, text: row => (row.round_trip === null ? '–' : duration(row.round_trip)) },
      { title: 'Queue', number: true, text: row => bytes(row.queue_bytes), mark: row => (row.queue_bytes > 1 << 20 ? 'warning' : '') },
      { title: 'Sent', number: true, text: row => count(row.sent), hint: row => exact(row.sent) },
      { title: 'Received', number: true, text: row => count(row.received), hint: row => exact(row.received) },
      { title: 'Lost', number: true, text: row => exact(losses(row)), more: lossWords, mark: row => (losses(row) > 0 ? 'warning' : '') },
      { title: 'Late', number: true, text: row => exact(row.late), mark: row => (row.late > 0 ? 'warning' : '') },
      { title: 'Channels', number: true, text: row => count(row.interest), hint: row => exact(row.interest) },
      { title: 'Remarks', text: remarks, mark: markOf },
    ]
  }

  update({ status }) {
    const relays = relaysOf(status)
    this.#body.hidden = relays.length === 0 && !status.nats
    setText(this.#line, line(relays, status.nats))
    this.#picture.show(status.name, relays.filter(({ state }) => state !== 'stopped'), status.nats)
    this.#nats.update(status)
    // Over NATS there is nothing between two relays that has these.
    for (const title of OF_LINKS) this.#table.showColumn(title, !status.nats)
    this.#table.showColumn('Late', Boolean(status.nats))
    this.#table.show(relays)
    this.#differ.show(differences(status.name, relays))
  }

  changed(place) {
    this.#wanted = place.filters.get('relay')
  }
}

function line(relays, nats) {
  if (nats && nats.server === null) return 'There is no connection to NATS: this relay serves its own clients, and other relays are not reached.'
  if (nats && relays.length === 0) return 'This relay is connected to NATS, and no other relay was heard in the last hour.'
  if (relays.length === 0) return 'This relay works alone: the settings name no others.'
  const wanted = relays.filter(({ state }) => state !== 'stopped')
  if (wanted.length === 0) return 'All other relays have stopped as planned.'
  const missing = wanted.filter(({ state }) => state !== 'linked').map(row => name(row.name))
  if (missing.length === 0) return `This relay is linked with all ${wanted.length} others.`
  return `This relay is linked with ${wanted.length - missing.length} of ${wanted.length} others. Not with ${missing.join(', ')}.`
}

function since({ state, linked_for, next_attempt_in }) {
  if (state === 'linked' && linked_for !== null) return `for ${duration(linked_for)}`
  if (next_attempt_in !== null) return `dialled in ${duration(Math.ceil(next_attempt_in))}`
  return ''
}

const LOSSES = [
  ['dropped', 'no room in its queue'], ['too_large', 'too large for it'], ['lost', 'under way when a link broke'],
  ['missed', 'from it, lost on the way'], ['gaps', 'missing and not declared'],
]

function losses(row) {
  return LOSSES.reduce((sum, [key]) => sum + row[key], 0)
}

function lossWords(row) {
  return LOSSES.filter(([key]) => row[key] > 0).map(([key, words]) => `${exact(row[key])} ${words}`).join(', ')
}

function markOf(row) {
  if (row.state === 'down' || row.authenticator_difference) return 'error'
  return row.history_difference ? 'warning' : ''
}

function remarks(row) {
  const parts = []
  if (row.state === 'down') parts.push(row.last_error ? name(row.last_error) : row.isOverNats ? 'not heard' : row.sent + row.received > 0 ? 'the link has ended' : 'not linked yet')
  if (row.state === 'stopped') parts.push('as planned')
  if (row.lagging) parts.push('slow to answer: subscriptions do not wait for it')
  if (row.authenticator_difference) parts.push(name(row.authenticator_difference))
  if (row.history_difference) parts.push(`keeps other history: ${name(row.history_difference)}`)
  if (row.state === 'linked' && !row.encrypted && !row.isOverNats) parts.push('not encrypted')
  if (row.addresses > 1) parts.push(several(row.addresses, 'address', 'addresses'))
  return parts.length > 0 ? parts.join('; ') : '–'
}
