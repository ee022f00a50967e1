// The columns of a list of clients, for the view of clients and for a channel's listeners.

import { link } from './routes.js'
import { bytes, duration, exact, longName, name, rate, shortNameOrNone } from './text.js'

/** The titles of those that are there only where rates were asked for. */
export const RATES = ['Publishes', 'Receives', 'Bytes']

export const CLIENT_COLUMNS = [
  { title: 'Client', text: row => name(row.address), href: row => link('clients', row.id), more: row => name(row.id) + (isTail(row) ? ' (an operator’s tail)' : '') },
  { title: 'Subject', text: row => shortNameOrNone(row.subject), hint: row => longName(row.subject) },
  { title: 'Speaks', whole: true, text: row => row.transport },
  { title: 'State', text: state, mark: stateMark },
  { title: 'Connected', number: true, text: row => (row.connected_for === null ? '–' : duration(row.connected_for)) },
  { title: 'Subscriptions', number: true, text: row => exact(row.subscriptions) },
  { title: 'Waits for it', number: true, text: row => bytes(row.waiting_bytes), hint: row => `${exact(row.waiting_bytes)} bytes`,
    mark: row => (row.blocked_for === null || row.waiting_bytes === 0 ? '' : 'warning') },
  { title: 'Publishes', number: true, text: row => perSecond(row.published_per_second) },
  { title: 'Receives', number: true, text: row => perSecond(row.delivered_per_second) },
  { title: 'Bytes', number: true, text: row => (row.delivered_bytes_per_second === null ? '–' : `${bytes(row.delivered_bytes_per_second)}/s`) },
]

/** Whether it is an operator who listens in through the relay itself, as a console's tail does. */
export function isTail({ transport }) {
  return transport === 'operator'
}

/** How the connection is, in a few words. */
export function state({ state: now, authorized, blocked_for }) {
  const parts = [now === 'blocked' ? 'does not read' : now]
  if (now === 'blocked' && blocked_for !== null) parts[0] += ` for ${duration(blocked_for)}`
  if (!authorized) parts.push('not authorized')
  return parts.join(', ')
}

export function stateMark({ state: now, authorized }) {
  return now === 'blocked' || !authorized ? 'warning' : ''
}

/** A rate in a list; a dash where it was not asked for. */
export function perSecond(value) {
  return value === null || value === undefined ? '–' : `${rate(value)}/s`
}
