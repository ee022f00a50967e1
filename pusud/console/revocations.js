// Revocations that hold, and their end. They are asked for once: they change by hand alone.

import { ask, order } from './api.js'
import { attempt, confirmed } from './dialogs.js'
import { Notice, section } from './elements.js'
import { lifted } from './outcome.js'
import { Table } from './table.js'
import { moment, name } from './text.js'

export class RevocationsPart {
  #notice = new Notice()
  #table

  constructor({ mayOperate }) {
    const columns = [
      { title: 'Revoked', text: whom, more: row => kind(row) },
      { title: 'Since', whole: true, text: row => moment(row.since_ms) },
      { title: 'Until', whole: true, text: row => (row.is_void ? 'void: its key is gone' : row.until_ms === 0 ? 'somebody lifts it' : moment(row.until_ms)) },
    ]
    if (mayOperate) columns.push({ title: 'Change', text: whom, act: { label: 'Lift', run: row => this.#lift(row) } })
    this.#table = new Table({ caption: 'Revoked authorizations', columns, key: row => JSON.stringify(row.whom), empty: 'Nothing is revoked.' })
    this.element = section('Revoked', {}, this.#notice.element, this.#table.element)
    this.#ask()
  }

  async #ask() {
    const answer = await attempt(() => ask('revocations'), this.#notice)
    if (answer !== null) this.#table.show(answer.revocations)
  }

  async #lift(row) {
    const done = await confirmed({
      title: 'Lift a revocation',
      words: [`${whom(row)} is let in again, on this relay and on all that are linked with it.`],
      label: 'Lift it',
      run: () => order('lift', { whom: row.whom }),
    })
    if (done === null) return
    this.#notice.good(`${whom(row)} is not revoked any more. ${lifted(done)}`)
    this.#ask()
  }
}

function whom({ whom: one }) {
  return name(one.subject ?? one.authorization_hash)
}

function kind({ whom: one }) {
  return one.subject === undefined ? 'an authorization, by its hash' : 'a subject'
}

