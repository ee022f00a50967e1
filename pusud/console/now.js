// Now: how the relay is at this moment, with its figures of the last 15 minutes.

import { AuthenticatorPart } from './authenticator.js'
import { Chart } from './charts.js'
import { make, section, setText } from './elements.js'
import { Facts } from './facts.js'
import { KeptPart } from './kept.js'
import { ListenersPart } from './listeners.js'
import { RefusedPart } from './refused.js'
import { RoomPart } from './room.js'
import { TimesPart } from './times.js'
import { bytes, count, duration, exact, moment, name, rate, several } from './text.js'

export function openNow(place, relay) {
  return new Now(place, relay)
}

class Now {
  title = 'Now'
  #live
  #wanted
  #line = make('p', { class: 'line' })
  #charts = [
    ['connections', new Chart('Connections', '', count)],
    ['published', new Chart('Messages published', '/s', rate)],
    ['delivered', new Chart('Messages delivered', '/s', rate)],
    ['bytes', new Chart('Bytes in and out', '/s', bytes)],
  ]
  #totals = new Facts()
  #transports = new Facts()
  #parts = { refused: new RefusedPart(), room: new RoomPart(), authenticator: new AuthenticatorPart(), listeners: new ListenersPart(), times: new TimesPart(), kept: new KeptPart() }

  constructor(place, { live }) {
    this.#live = live
    this.#wanted = place.filters.get('show')
    this.element = make('article', {}, make('h1', { tabindex: '-1' }, 'Now'), this.#line,
      make('section', { class: 'charts', 'aria-label': 'The last 15 minutes' }, ...this.#charts.map(([, chart]) => chart.element)),
      this.#below())
  }

  #below() {
    const { refused, room, authenticator, listeners, times, kept } = this.#parts
    const transports = section('Connections by transport', {}, this.#transports.element)
    return make('div', { class: 'columns' }, refused.element, make('div', {}, room.element, transports), authenticator.element,
      kept.element, make('div', {}, listeners.element, times.element), section('Since the start', {}, this.#totals.element))
  }

  update(latest) {
    const { status } = latest
    const { history } = this.#live
    setText(this.#line, line(status))
    for (const [key, chart] of this.#charts) chart.show(history.series(key), history.now(key), at => history.timeOf(at))
    for (const part of Object.values(this.#parts)) part.update(latest)
    this.#totals.show(totals(status))
    this.#transports.show(Object.entries(status.connections.by_transport ?? {})
      .filter(([transport, here]) => here > 0 || ['ws', 'wss'].includes(transport)).map(([transport, here]) => [transport, exact(here)]))
    this.#goToWanted()
  }

  changed(place) {
    this.#wanted = place.filters.get('show')
    this.#goToWanted()
  }

  /** To the part that a problem leads to; once, and only when it has something to show. */
  #goToWanted() {
    if (this.#wanted === null) return
    const heading = document.getElementById(this.#wanted)?.querySelector('h2')
    this.#wanted = null
    heading?.scrollIntoView({ block: 'start' })
    heading?.focus({ preventScroll: true })
  }
}

/** The state in one sentence. */
function line({ name: relay, state, address, uptime_seconds, connections, channels, version, hanging_shards, network_hangs, nats }) {
  const parts = [`${name(relay)} ${state === 'stopping' ? 'is stopping' : 'serves'} ${several(connections.total, 'connection')} and `
    + `${several(channels, 'channel')} on ${name(address)}, for ${duration(uptime_seconds)}, with version ${version}.`]
  if (hanging_shards.length > 0) parts.push(`Shard ${hanging_shards.join(', ')} does not answer: its figures are missing.`)
  if (network_hangs) parts.push('The thread of the network does not answer.')
  if (nats && nats.server === null) parts.push('There is no connection to NATS: other relays are not reached.')
  return parts.join(' ')
}

function totals({ messages, connections, subscriptions, since, lost_log_lines, left_out_log_lines, revocations, shards, pid }) {
  return [
    ['Started', moment(since * 1000)],
    ['Messages published', exact(messages.published)],
    ['Messages delivered', exact(messages.delivered)],
    ['Lost with slow consumers', lostWith(messages), { mark: messages.dropped_bytes > 0 ? 'warning' : '' }],
    ['Subscriptions', exact(subscriptions)],
    ['Not authorized yet', exact(connections.unauthorized)],
    ['Do not read at the moment', connections.by_state?.blocked > 0 ? exact(connections.by_state.blocked) : null, { mark: 'warning' }],
    ['In a TLS handshake', connections.handshakes > 0 ? exact(connections.handshakes) : null],
    ['Log lines lost', lost_log_lines > 0 ? exact(lost_log_lines) : null, { mark: 'warning' }],
    ['Log lines left out', left_out_log_lines > 0 ? exact(left_out_log_lines) : null],
    ['Revocations', revocations > 0 ? exact(revocations) : null],
    ['Shards, process', `${shards}, ${pid}`],
  ]
}

function lostWith({ dropped, dropped_bytes }) {
  return dropped === undefined ? bytes(dropped_bytes) : `${several(dropped, 'message')}, ${bytes(dropped_bytes)}`
}
