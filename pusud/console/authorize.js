// An authorization explained: it is pasted, sent in the body of one request, and wiped out of the field when the answer is there.
//
// **Invariant:** it is never stored, never shown, and never in an address.

import { order } from './api.js'
import { attempt } from './dialogs.js'
import { field, make, Notice, section } from './elements.js'
import { Facts } from './facts.js'
import { Table } from './table.js'
import { duration, moment, name } from './text.js'

export class AuthorizePart {
  #notice = new Notice()
  #authorization = input({ type: 'password', autocomplete: 'off', required: true })
  #address = input({ type: 'text', placeholder: '203.0.113.7:50123', autocomplete: 'off' })
  #channels = input({ type: 'text', placeholder: 'news.1, news.2', autocomplete: 'off' })
  #facts = new Facts()
  #permissions = new Table({ caption: 'What it permits', isTitled: true, key: (row, at) => `${at} ${row.pattern}`, empty: 'It permits nothing.', columns: [
    { title: 'Channels', text: row => name(row.pattern) },
    { title: 'May', text: row => [row.read && 'read', row.write && 'write'].filter(Boolean).join(' and ') },
  ] })
  #asked = new Table({ caption: 'Channels', isTitled: true, key: row => row.channel, columns: [
    { title: 'Channel', text: row => name(row.channel) },
    { title: 'Read', text: row => by(row.read_by), mark: row => (row.read_by === null ? 'error' : 'good') },
    { title: 'Write', text: row => by(row.write_by), mark: row => (row.write_by === null ? 'error' : 'good') },
  ] })
  #entries = new Table({ caption: 'What each authenticator said', isTitled: true, key: row => row.name, columns: [
    { title: 'Authenticator', text: row => name(row.name), more: row => (row.id === row.name ? '' : name(row.id)) },
    { title: 'Decision', text: row => name(row.decision) },
    { title: 'Says', text: row => name(row.detail) || '–' },
  ] })
  #answer = make('div', { class: 'answer', hidden: true }, this.#facts.element, this.#entries.element, this.#permissions.element, this.#asked.element)

  constructor() {
    const form = make('form', { class: 'bar', onsubmit: event => this.#ask(event) },
      field('Authorization', this.#authorization, 'It is not kept, and gone from here with the answer.'),
      field('Address of the client', this.#address, 'For authenticators that look at it.'),
      field('May it read and write', this.#channels, 'Channels, with commas between them.'), make('button', {}, 'Explain'))
    this.element = section('An authorization explained', {}, form, this.#notice.element, this.#answer)
  }

  async #ask(event) {
    event.preventDefault()
    const channels = [...new Set(this.#channels.value.split(',').map(one => one.trim()).filter(one => one !== ''))]
    const address = this.#address.value.trim() || undefined
    const answer = await attempt(() => order('authorize', { authorization: this.#authorization.value, address, channels }), this.#notice)
    this.#authorization.value = ''
    this.#answer.hidden = answer === null
    if (answer !== null) this.#show(answer)
  }

  #show({ authenticator, decision, reason, subject, expires_unix_seconds, took_microseconds, permissions, channels, entries }) {
    this.#notice.clear()
    const isGranted = decision === 'granted'
    this.#facts.show([
      ['Decision', { granted: 'granted', refused: 'refused' }[decision] ?? 'could not decide', { mark: isGranted ? 'good' : 'error' }],
      ['Reason', isGranted ? null : name(reason || 'none was given')],
      ['Subject', isGranted ? name(subject) || 'none' : null],
      ['Until', !isGranted ? null : expires_unix_seconds === null ? 'no end' : moment(expires_unix_seconds * 1000)],
      ['Decided by', `${name(authenticator.id)} ${name(authenticator.version)}`],
      ['Took', duration(took_microseconds / 1e6)],
    ])
    this.#entries.show(entries)
    this.#permissions.element.hidden = !isGranted
    this.#permissions.show(permissions)
    this.#asked.element.hidden = channels.length === 0
    this.#asked.show(channels)
  }
}

function input(attributes) {
  return make('input', { spellcheck: 'false', autocapitalize: 'off', ...attributes })
}

function by(pattern) {
  return pattern === null ? 'no: no pattern that gives it matches' : `yes, by ${name(pattern)}`
}
