// The decisions that the relay remembers: who was let in or refused, when, and why. An authorization is its hash there.

import { ask, order } from './api.js'
import { attempt, confirmed } from './dialogs.js'
import { choice, field, make, Notice, section, tick } from './elements.js'
import { ListBar } from './list_bar.js'
import { outcome } from './outcome.js'
import { Repeated } from './repeated.js'
import { link } from './routes.js'
import { Table } from './table.js'
import { count, duration, longName, moment, name, several, shortName } from './text.js'

const EVERY_MS = 5000
const LASTS = [['50', '50'], ['200', '200'], ['1000', '1000']]
/** Characters of a reason in the list. */
const REASON_MAX = 240
const MARKS = { granted: 'good', refused: 'warning', unavailable: 'error' }

export class DecisionsPart {
  #notice = new Notice()
  #table
  #repeated = new Repeated(signal => this.#ask(signal), EVERY_MS)
  #bar

  constructor({ mayOperate }) {
    const refused = tick('Only those that granted nothing', { name: 'refused' })
    this.#bar = new ListBar('why', [field('Address', text('address')), field('Subject', text('subject')),
      field('The last', choice(LASTS, '50', { name: 'last' })), refused.element], this.#repeated)
    const columns = [...COLUMNS]
    if (mayOperate) columns.push({ title: 'Change', text: row => `${row.authorization ?? ''}`, act: { label: 'Revoke', isFor: row => row.verdict === 'granted' && Boolean(row.authorization), run: row => this.#revoke(row) } })
    this.#table = new Table({ caption: 'Decisions, the newest first', columns, key: (row, at) => `${row.time_ms} ${row.address} ${row.entry} ${row.took_us}`,
      empty: 'No decision fits.' })
    this.element = section('The last decisions', { id: 'decisions' }, this.#bar.element, this.#notice.element, this.#table.element)
  }

  changed(place) {
    this.#bar.fill(place.filters)
    this.#repeated.now()
  }

  close() {
    this.#repeated.stop()
  }

  async #ask(signal) {
    const answer = await attempt(() => ask('decisions', this.#bar.filters, signal), this.#notice)
    if (answer === null) return
    if (!answer.is_on) return this.#notice.bad('The relay remembers no decisions: remembered_decisions is 0 in its settings.')
    this.#table.show([...answer.decisions].reverse())
    this.#bar.say(`${count(answer.decisions.length)} of ${several(answer.count, 'decision')} that fit`)
  }

  async #revoke({ authorization, subject }) {
    const whose = subject ? ` ${name(subject)} sent it; to be sure, revoke the subject instead: another text may mean the same.` : ''
    const done = await confirmed({
      title: 'Revoke an authorization',
      words: [`Whoever sends the authorization with the hash ${authorization} is refused until it is lifted, on all linked relays.${whose}`],
      label: 'Revoke',
      run: () => order('revoke', { whom: { authorization_hash: authorization }, for: null }),
    })
    if (done !== null) this.#notice.good(`Revoked: ${outcome(done)}`)
  }
}

const COLUMNS = [
  { title: 'When', whole: true, text: row => moment(row.time_ms), more: row => `took ${duration(row.took_us / 1e6)}` },
  { title: 'Verdict', whole: true, text: row => row.verdict, mark: row => MARKS[row.verdict] ?? '', more: row => (row.occasion === 'first' ? '' : row.occasion) },
  { title: 'Client', text: row => name(row.address) || '–', href: row => (row.address ? link('clients', null, { address: row.address }) : null),
    more: row => shortName(row.subject) },
  { title: 'By', text: row => name(row.entry) },
  { title: 'Why', text: why, more: row => shortName(row.detail, REASON_MAX), hint: wholeWhy },
  { title: 'Authorization', text: row => row.authorization ?? '–', mark: () => 'hash' },
]

/** The reason; of a grant, what was granted. */
function why({ verdict, reason, permissions, permissions_left_out }) {
  if (verdict !== 'granted') return shortName(reason, REASON_MAX) || 'no reason was given'
  const rest = permissions_left_out > 0 ? ` and ${count(permissions_left_out)} more` : ''
  return permissions.length === 0 ? 'nothing' : permissions.map(one => shortName(one)).join(', ') + rest
}

/** All of it, where the list shows a part. */
function wholeWhy({ verdict, reason, detail, permissions }) {
  const long = [longName(reason, REASON_MAX), longName(detail, REASON_MAX), ...(verdict === 'granted' ? permissions.map(one => longName(one)) : [])]
  return long.filter(Boolean).join('\n') || null
}

function text(name) {
  return make('input', { type: 'text', name, autocomplete: 'off', spellcheck: 'false', autocapitalize: 'off' })
}
