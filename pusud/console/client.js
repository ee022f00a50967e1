// One client: since when, from where, what it may do and until when, what it listens to, what waits for it.

import { ask } from './api.js'
import { perSecond, state, stateMark } from './client_columns.js'
import { ChangesPart } from './changes.js'
import { attempt } from './dialogs.js'
import { make, Notice, section, setText } from './elements.js'
import { Facts } from './facts.js'
import { Repeated } from './repeated.js'
import { link } from './routes.js'
import { Table } from './table.js'
import { bytes, duration, exact, longName, moment, name, nameOrNone, several, shortName, shortNameOrNone } from './text.js'

const EVERY_MS = 3000

export function openClient(place, relay) {
  return new Client(place, relay)
}

class Client {
  title = 'Client'
  #id
  #notice = new Notice()
  #facts = new Facts()
  #permissions = new Table({ caption: 'Permissions', key: (row, at) => `${at} ${row.pattern}`, empty: 'It may do nothing.', columns: [
    { title: 'Channels', text: row => shortName(row.pattern), hint: row => longName(row.pattern) },
    { title: 'May', text: row => [row.read && 'read', row.write && 'write'].filter(Boolean).join(' and ') || 'nothing' },
    { title: 'Until', whole: true, text: row => (row.expires_ms === null ? 'no end' : moment(row.expires_ms)) },
    { title: 'As', text: row => shortNameOrNone(row.subject), hint: row => longName(row.subject) },
    { title: 'Granted by', text: row => nameOrNone(row.entry) },
  ] })
  #channels = new Table({ caption: 'Channels that it listens to', key: row => row, empty: 'It listens to nothing.', columns: [
    { title: 'Channel', text: shortName, hint: longName, href: row => link('channels', row) },
  ] })
  #rest = make('p', { class: 'hint' })
  #changes
  #body
  #repeated = new Repeated(signal => this.#ask(signal), EVERY_MS)

  constructor(place, relay) {
    this.#id = place.item
    this.#changes = relay.mayOperate ? new ChangesPart(() => this.#repeated.now()) : null
    this.#body = make('div', { class: 'columns', hidden: true }, section('Connection', {}, this.#facts.element),
      section('What it may do', {}, this.#permissions.element), section('Listens to', {}, this.#channels.element, this.#rest))
    this.element = make('article', {}, make('p', { class: 'back' }, make('a', { href: link('clients') }, 'All clients')),
      make('h1', { tabindex: '-1' }, `Client ${name(this.#id)}`), this.#changes?.element, this.#notice.element, this.#body)
    this.#notice.plain('Asking …')
    this.#repeated.now()
  }

  close() {
    this.#repeated.stop()
  }

  async #ask(signal) {
    try {
      this.#show(await ask('client', { id: this.#id }, signal))
    } catch (failure) {
      if (failure.status === 404) this.#gone()
      else await attempt(() => { throw failure }, this.#notice)
    }
  }

  #show({ client, proxy, authorizations, authorizations_known, permissions_left_out, channels, channels_left_out }) {
    this.#notice.clear()
    this.#body.hidden = false
    setText(this.element.querySelector('h1'), `Client ${name(client.address)}`)
    this.#changes?.show(client)
    this.#facts.show(facts(client, proxy))
    this.#permissions.show(authorizations.flatMap(({ entry, subject, expires_ms, permissions }) => permissions.map(one => ({ ...one, entry, subject, expires_ms }))))
    this.#channels.show(channels)
    const unknown = authorizations_known ? '' : 'What it may do is not known now. '
    const left = [permissions_left_out > 0 && several(permissions_left_out, 'permission'), channels_left_out > 0 && several(channels_left_out, 'channel')]
    setText(this.#rest, unknown + (left.some(Boolean) ? `Not shown: ${left.filter(Boolean).join(' and ')}.` : ''))
  }

  #gone() {
    this.#repeated.stop()
    this.#changes?.hide()
    this.#notice.plain('This client is not here any more. What stands here is what was known of it last.')
  }
}

function facts(client, proxy) {
  return [
    ['State', state(client), { mark: stateMark(client) }],
    ['Address', name(client.address)],
    ['Through the proxy', proxy === null ? null : name(proxy)],
    ['Subject', client.subject === null ? 'none' : name(client.subject)],
    ['Speaks', client.transport],
    ['Connected for', client.connected_for === null ? null : duration(client.connected_for)],
    ['Waits for it', bytes(client.waiting_bytes), { mark: client.waiting_bytes > 0 && client.blocked_for !== null ? 'warning' : '' }],
    ['Has not read for', client.blocked_for === null ? null : duration(client.blocked_for), { mark: 'warning' }],
    ['Subscriptions', exact(client.subscriptions)],
    ['Publishes', perSecond(client.published_per_second)],
    ['Receives', perSecond(client.delivered_per_second)],
    ['Bytes to it', client.delivered_bytes_per_second === null ? '–' : `${bytes(client.delivered_bytes_per_second)}/s`],
  ]
}
