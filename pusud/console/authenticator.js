// The authenticator: who decides, since when, how fast, and what fails.

import { section } from './elements.js'
import { Facts } from './facts.js'
import { link } from './routes.js'
import { Table } from './table.js'
import { within } from './times.js'
import { exact, moment, name } from './text.js'

const FAILURES = [
  ['unavailable', 'not decided'], ['timed_out', 'not answered in time'], ['turned_away', 'turned away'], ['failed', 'failed'], ['late', 'answered too late'],
  ['malformed', 'answered wrongly'], ['restarts', 'restarts'],
]

export class AuthenticatorPart {
  #facts = new Facts()
  #entries = new Table({ caption: 'Entries of the list', key: row => row.name, columns: [
    { title: 'Entry', text: row => name(row.name), more: row => `${name(row.id)} ${name(row.version)}${row.shadow ? ', shadow' : ''}` },
    { title: 'State', text: condition, mark: row => (isGood(row) ? 'good' : 'error') },
    { title: 'Granted', number: true, text: row => exact(row.decisions.granted) },
    { title: 'Refused', number: true, text: row => exact(row.decisions.refused) },
    { title: 'Not decided', number: true, text: row => exact(row.decisions.unavailable), mark: row => (row.decisions.unavailable > 0 ? 'warning' : '') },
    { title: 'Failures', text: row => failures(row.failures, row.failures.stuck_threads) ?? 'none' },
  ] })

  constructor() {
    this.element = section('Authenticator', { id: 'authenticator', class: 'wide' }, this.#facts.element, this.#entries.element)
  }

  update({ status: { authenticator, times }, recent }) {
    const { decisions } = authenticator
    const failing = failures(recent?.authenticator ?? {}, 0)
    this.#facts.show([
      ['Decides', `${name(authenticator.id)} ${name(authenticator.version)}`],
      ['State', condition(authenticator), { mark: isGood(authenticator) ? 'good' : 'error' }],
      ['Failed in the last minute', failing ?? 'nothing', { mark: failing ? 'error' : '' }],
      ['Failed since it took over', failures({ ...authenticator, unavailable: decisions?.unavailable }, authenticator.stuck_threads) ?? 'nothing'],
      ['Granted', decisions ? exact(decisions.granted) : null],
      ['Refused', decisions ? exact(decisions.refused) : null],
      ['Not decided', decisions ? exact(decisions.unavailable) : null, { mark: decisions?.unavailable > 0 ? 'warning' : '' }],
      ['Since', authenticator.since ? moment(authenticator.since * 1000) : null],
      ['Generation', exact(authenticator.generation)],
      ['Waiting questions', exact(authenticator.queued)],
      ['Takes', took(times?.authorize)],
      ['Who was refused, and why', 'the last decisions', { href: link('why', null, { show: 'decisions' }) }],
    ])
    this.#entries.element.hidden = authenticator.entries.length === 0
    this.#entries.show(authenticator.entries)
  }
}

function isGood({ ready, condition: now }) {
  return ready && (now === undefined || now === 'good' || now.state === 'good')
}

/** The state in words, with what the plugin says itself. */
function condition({ ready, condition: now }) {
  const why = now?.why ? `: ${name(now.why)}` : ''
  if (!ready) return `not ready${why}`
  return now === undefined || now.state === 'good' ? 'ready' : `${now.state}${why}`
}

function failures(counts, stuck) {
  const parts = FAILURES.filter(([key]) => counts[key] > 0).map(([key, words]) => `${exact(counts[key])} ${words}`)
  if (stuck > 0) parts.push(`${stuck} of its threads hang`)
  return parts.length > 0 ? parts.join(', ') : null
}

/** How fast it is, where anything was asked of it. */
function took(histogram) {
  if (!histogram || !histogram.counts.some(number => number > 0)) return null
  return `${within(histogram, 0.5)} at the most for half of the answers, ${within(histogram, 0.99)} for 99 of 100`
}
