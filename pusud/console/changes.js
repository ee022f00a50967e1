// Changes to one client, for the role `operate`: disconnect it, revoke its subject.

import { order } from './api.js'
import { confirmed } from './dialogs.js'
import { choice, field, make, Notice, tick } from './elements.js'
import { outcome } from './outcome.js'
import { name } from './text.js'

const TIMES = [['', 'until it is lifted'], ['1h', '1 hour'], ['24h', '1 day'], ['168h', '7 days']]

export class ChangesPart {
  #client = null
  #then
  #notice = new Notice()
  #revoke = make('button', { type: 'button', class: 'danger', onclick: () => this.#askRevoke() }, 'Revoke subject')
  #hint = make('p', { class: 'hint' }, 'It has no subject: its authorization can be revoked by its hash, among the decisions in Why.')
  #buttons

  /** `then` is called after a change. */
  constructor(then) {
    this.#then = then
    this.#buttons = make('div', { hidden: true },
      make('p', { class: 'buttons' }, make('button', { type: 'button', class: 'danger', onclick: () => this.#askDisconnect() }, 'Disconnect'), this.#revoke), this.#hint)
    this.#notice.element.tabIndex = -1
    this.element = make('div', { class: 'changes' }, this.#notice.element, this.#buttons)
  }

  /** Of this client. */
  show(client) {
    this.#client = client
    this.#buttons.hidden = false
    this.#revoke.hidden = client.subject === null
    this.#hint.hidden = client.subject !== null
  }

  /** It has gone. Whoever had the focus on a button has it on what has become of that. */
  hide() {
    const hadFocus = this.#buttons.contains(document.activeElement)
    this.#buttons.hidden = true
    if (hadFocus) this.#notice.element.focus()
  }

  async #askDisconnect() {
    const { id, address } = this.#client
    await this.#change({
      title: 'Disconnect',
      words: [`The connection of ${name(address)} is closed with code 4504. It may come back at once: revoke its subject to keep it out.`],
      label: 'Disconnect',
      run: () => order('kick', { whom: { id }, network: false }),
    }, 'Disconnected:')
  }

  async #askRevoke() {
    const { subject } = this.#client
    const lasting = choice(TIMES, '')
    const disconnects = tick('Close its other connections too, on all relays')
    await this.#change({
      title: 'Revoke',
      words: [`All authorizations of ${name(subject)} are taken back, on this relay and on all that are linked with it. Its subscriptions end, `
        + 'connections that have no other authorization are closed with code 4504, and it is refused as long as the revocation holds.'],
      fields: [field('It holds', lasting), disconnects.element],
      label: 'Revoke',
      run: async () => {
        const revoked = await order('revoke', { whom: { subject }, for: lasting.value || null })
        if (disconnects.box.checked) await order('kick', { whom: { subject }, network: true })
        return revoked
      },
    }, 'Revoked:')
  }

  async #change(question, begin) {
    const done = await confirmed(question)
    if (done === null) return
    this.#notice.good(`${begin} ${outcome(done)}`)
    this.#then()
  }
}
