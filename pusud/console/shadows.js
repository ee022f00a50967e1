// Shadows: authenticators that decide nothing, and what came of comparing them with those that do.

import { section } from './elements.js'
import { Table } from './table.js'
import { duration, exact, name } from './text.js'

export class ShadowsPart {
  #table = new Table({ caption: 'Shadows', key: row => row.name, empty: 'No authenticator is tried as a shadow.', columns: [
    { title: 'Shadow', text: row => name(row.name), more: row => name(row.id) },
    { title: 'Compared', number: true, text: row => exact(row.trial.compared), more: row => `${exact(row.trial.same)} the same` },
    { title: 'Would grant', number: true, text: row => exact(row.trial.would_grant), mark: row => different(row.trial.would_grant) },
    { title: 'Would refuse', number: true, text: row => exact(row.trial.would_refuse), mark: row => different(row.trial.would_refuse) },
    { title: 'Permits more', number: true, text: row => exact(row.trial.more), mark: row => different(row.trial.more) },
    { title: 'Permits less', number: true, text: row => exact(row.trial.less), mark: row => different(row.trial.less) },
    { title: 'Could not decide', number: true, text: row => exact(row.trial.unavailable), mark: row => different(row.trial.unavailable) },
    { title: 'Not asked', number: true, text: row => exact(row.trial.left_out) },
    { title: 'Takes', number: true, text: times },
  ] })

  constructor() {
    this.element = section('Shadows', { id: 'shadows' }, this.#table.element)
  }

  update({ authenticator }) {
    this.#table.show(authenticator.entries.filter(({ trial }) => trial))
  }
}

function different(number) {
  return number > 0 ? 'warning' : ''
}

/** Its mean time, and that of what decided. */
function times({ trial: { compared, microseconds, decided_microseconds } }) {
  if (compared === 0) return '–'
  return `${duration(microseconds / compared / 1e6)}, decided in ${duration(decided_microseconds / compared / 1e6)}`
}
