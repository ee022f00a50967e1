// The newest kept messages of a channel with history. They are asked for when an operator wants to see them, and each time is a line
// of the audit log; long ones are cut by the relay. All of them are shown as text.

import { ask } from './api.js'
import { attempt } from './dialogs.js'
import { make, Notice, section, setText } from './elements.js'
import { Table } from './table.js'
import { bytes, duration, exact, json, name, several } from './text.js'

export class KeptMessagesPart {
  #channel
  #notice = new Notice()
  #said = make('span', { class: 'said', role: 'status' })
  #show = make('button', { type: 'button', onclick: () => this.#ask() }, 'Show')
  #table = new Table({ caption: 'Kept messages, the newest first', key: row => `${row.relay} ${row.number} ${row.at}`, empty: 'Nothing is kept.', columns: [
    { title: 'Age', number: true, text: row => duration(row.age_ms / 1000) },
    { title: 'Relay', text: row => (row.relay === null ? 'not known' : name(row.relay)) },
    { title: 'Number', number: true, text: row => exact(row.number) },
    { title: 'Content', text: row => json(row.content), more: row => (row.isCut ? `cut, of ${bytes(row.content_bytes)}` : '') },
  ] })

  constructor(channel) {
    this.#channel = channel
    this.#table.element.hidden = true
    this.element = section('Kept messages', { class: 'wide', hidden: true }, make('div', { class: 'bar' }, this.#show, this.#said),
      this.#notice.element, this.#table.element)
  }

  /** What there is of the channel, as it was seen last; `null`: it has no history. */
  update(history) {
    this.element.hidden = history === null
  }

  async #ask() {
    this.#show.disabled = true
    const answer = await attempt(() => ask('history', { channel: this.#channel }), this.#notice)
    this.#show.disabled = false
    if (answer === null) return
    this.#notice.clear()
    const rows = answer.publications.map((row, at) => ({ ...row, at, isCut: new TextEncoder().encode(row.content).length < row.content_bytes }))
    this.#table.element.hidden = false
    this.#table.show(rows)
    setText(this.#show, 'Show again')
    setText(this.#said, `${several(rows.length, 'message')} of ${exact(answer.history?.entries ?? 0)}.`)
  }
}
