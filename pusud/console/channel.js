// One channel: who listens here and elsewhere, how much goes through, what goes through, and a message for a test.

import { ask } from './api.js'
import { CLIENT_COLUMNS, isTail, perSecond, RATES } from './client_columns.js'
import { attempt } from './dialogs.js'
import { make, Notice, section } from './elements.js'
import { Facts } from './facts.js'
import { KeptMessagesPart } from './kept_messages.js'
import { PublishPart } from './publish.js'
import { Repeated } from './repeated.js'
import { link } from './routes.js'
import { Table } from './table.js'
import { TailPart } from './tail.js'
import { bytes, duration, exact, name, several } from './text.js'

const EVERY_MS = 3000

export function openChannel(place, relay) {
  return new Channel(place, relay)
}

class Channel {
  title = 'Channel'
  #channel
  #notice = new Notice()
  #facts = new Facts()
  #listeners = new Table({ caption: 'Listeners here', columns: CLIENT_COLUMNS.filter(({ title }) => !RATES.includes(title)), key: row => row.id,
    empty: 'Nobody listens on this relay.' })
  #tail
  #kept
  #repeated = new Repeated(signal => this.#ask(signal), EVERY_MS)

  constructor(place, { mayOperate }) {
    this.#channel = place.item
    this.#tail = new TailPart(this.#channel)
    this.#kept = new KeptMessagesPart(this.#channel)
    this.element = make('article', {}, make('p', { class: 'back' }, make('a', { href: link('channels') }, 'All channels')),
      make('h1', { tabindex: '-1' }, `Channel ${name(this.#channel)}`), this.#notice.element, this.#facts.element,
      this.#tail.element, this.#kept.element, mayOperate ? new PublishPart(this.#channel).element : null,
      section('Listeners on this relay', {}, this.#listeners.element))
    this.#notice.plain('Asking …')
    this.#repeated.now()
  }

  close() {
    this.#repeated.stop()
    this.#tail.close()
  }

  async #ask(signal) {
    const answer = await attempt(() => ask('channel', { name: this.#channel }, signal), this.#notice)
    if (answer === null) return
    this.#notice.clear()
    this.#facts.show([
      ['Listeners here', listenersHere(answer)],
      ['Other relays with listeners', answer.relays_known ? answer.relays.map(name).join(', ') || 'none' : 'not known'],
      ['Messages', perSecond(answer.messages_per_second)],
      ['Bytes', answer.bytes_per_second === null ? '–' : `${bytes(answer.bytes_per_second)}/s`],
      ['History', answer.history && keptHere(answer.history)],
    ])
    this.#kept.update(answer.history ?? null)
    this.#listeners.show(answer.clients)
  }
}

/** How many, and how many of those that are listed only listen in for an operator, as the tail of this page does. */
function listenersHere({ listeners, clients }) {
  const tails = clients.filter(isTail).length
  return tails === 0 ? exact(listeners) : `${exact(listeners)} (${several(tails, 'of them an operator’s tail', 'of them operators’ tails')})`
}

/** How much is kept, and for how long. */
function keptHere({ rule, size, ttl_seconds, entries, bytes: taken }) {
  return `${exact(entries)} of at most ${several(size, 'message')}, ${bytes(taken)}, for ${duration(ttl_seconds)} at most (${name(rule)})`
}
