// NATS: the server that this relay is connected to, where relays reach each other over NATS, and what was counted.

import { make, section } from './elements.js'
import { Facts } from './facts.js'
import { bytes, count, duration, exact, name, nameOrNone } from './text.js'

export class NatsPart {
  #server = new Facts()
  #counted = new Facts()

  constructor() {
    this.element = make('div', { class: 'columns' }, section('NATS server', {}, this.#server.element),
      section('Since the start, over NATS', {}, this.#counted.element))
  }

  update({ nats }) {
    this.element.hidden = !nats
    if (!nats) return
    this.#server.show(serverOf(nats))
    this.#counted.show(countedOf(nats))
  }
}

function serverOf(nats) {
  if (nats.server === null) {
    return [['Connection', `none for ${duration(Math.floor(nats.disconnected_for ?? 0))}`, { mark: 'error' }], ['Last error', lastError(nats)],
      ['Queue', bytes(nats.queue_bytes)]]
  }
  return [
    ['Connection', `${name(nats.server)}, for ${duration(Math.floor(nats.connected_for ?? 0))}`],
    ['Address', nameOrNone(nats.address)],
    ['Encryption', nats.encryption === null ? 'none' : name(nats.encryption)],
    ['Server', [nats.server_name === nats.server_id ? nats.server_id.slice(0, 8) : nats.server_name, nats.version && `version ${nats.version}`].filter(Boolean).map(name).join(', ')],
    ['Cluster', nats.cluster === null ? 'none: it is alone' : name(nats.cluster)],
    ['Joined', nats.joined ? 'yes' : 'not yet: nothing goes to other relays', { mark: nats.joined ? '' : 'error' }],
    ['Round trip', nats.round_trip === null ? '–' : duration(nats.round_trip)],
    ['Queue', bytes(nats.queue_bytes)],
    ['Longest message that it takes', nats.max_payload === null ? null : bytes(nats.max_payload)],
    ['Last error', lastError(nats)],
  ]
}

/** What is wrong, or was last, and how long ago. */
function lastError({ last_error: error, last_error_ago: ago }) {
  if (error === null) return null
  return ago === null ? name(error) : `${name(error)}, ${duration(Math.floor(ago))} ago`
}

function countedOf(nats) {
  const bad = (title, number) => [title, number > 0 ? exact(number) : null, { mark: 'warning' }]
  return [
    ['Messages given to it', count(nats.published)],
    bad('Dropped, since too much waited', nats.dropped),
    bad('Too large for it', nats.too_large),
    ['Barriers passed', barriers(nats)],
    bad('Barriers expired', nats.barriers_expired),
    bad('Connections ended', nats.disconnects),
    bad('Commands refused', nats.refusals),
    bad('Messages of strangers', nats.garbage),
    ['Of later versions, skipped', nats.unknown > 0 ? exact(nats.unknown) : null],
    bad('Another relay of this name', nats.namesakes),
    bad('A relay at another cluster', nats.other_clusters),
  ]
}

function barriers({ barriers_passed: passed, barrier_last: last, barrier_longest: longest }) {
  return last === null ? exact(passed) : `${exact(passed)} (the last in ${duration(last)}, the longest in ${duration(longest)})`
}
