// Problems: what is wrong now, at the top of every view, each with the way to the place that shows it.
//
// The list itself is not read aloud, since its figures change each second: only a problem that is new is.

import { make, setText } from './elements.js'
import { link } from './routes.js'
import { name } from './text.js'

const SHOWN_MAX = 8

/** The part of the view `now` that shows a problem, by the beginning of its id. */
const PARTS = [
  ['authenticator', 'authenticator'], ['certificate', 'listeners'], ['memory', 'room'], ['open_files', 'room'],
  ['refusals', 'refused'], ['publish_rate', 'refused'], ['slow_consumers', 'refused'], ['option_file', 'option-files'],
  ['history', 'history'],
]

/** The close codes of clients that a problem is about and that are in no list any more. */
const ENDED = { slow_consumers: '4001', publish_rate: '4503' }

export class Problems {
  #element
  #announcement
  #known = new Set()
  #rows = new Map()
  #list = make('ul')
  #rest = make('p', { class: 'rest' })

  constructor(element, announcement) {
    this.#element = element
    this.#announcement = announcement
    element.replaceChildren(this.#list, this.#rest)
  }

  /** Shows these. */
  show(problems) {
    const shown = problems.slice(0, SHOWN_MAX)
    const keys = shown.map(({ id, item }) => `${id} ${item ?? ''}`)
    for (const [key, row] of this.#rows) {
      if (keys.includes(key)) continue
      row.element.remove()
      this.#rows.delete(key)
    }
    shown.forEach((problem, at) => this.#put(keys[at], problem, at))
    setText(this.#rest, problems.length > shown.length ? `and ${problems.length - shown.length} more` : '')
    this.#rest.hidden = problems.length <= shown.length
    this.#element.hidden = problems.length === 0
    this.#announce(problems, problems.map(({ id, item }) => `${id} ${item ?? ''}`))
  }

  #put(key, problem, at) {
    let row = this.#rows.get(key)
    if (!row) {
      row = { level: make('span', { class: 'level' }), way: make('a') }
      row.element = make('li', {}, row.level, ' ', row.way)
      this.#rows.set(key, row)
    }
    const isError = problem.level === 'error'
    row.element.className = isError ? 'error' : 'warning'
    setText(row.level, isError ? 'Error' : 'Warning')
    setText(row.way, name(problem.text))
    row.way.setAttribute('href', placeOf(problem))
    if (this.#list.children[at] !== row.element) this.#list.insertBefore(row.element, this.#list.children[at] ?? null)
  }

  #announce(problems, keys) {
    const added = problems.filter((_, at) => !this.#known.has(keys[at]))
    this.#known = new Set(keys)
    if (added.length > 0) setText(this.#announcement, added.slice(0, 3).map(({ text }) => name(text)).join(' '))
    else if (problems.length === 0) setText(this.#announcement, '')
  }
}

/** Where a problem is shown. */
export function placeOf({ id, view, item }) {
  if (view === 'now' || id === 'option_file') return link('now', null, { show: PARTS.find(([start]) => id.startsWith(start))?.[1] ?? null })
  if (view === 'network') return link('network', null, { relay: item })
  if (view === 'settings') return link('settings', null, { key: item })
  if (view === 'why') return link('why', null, { refused: 'true', show: 'decisions' })
  if (view === 'channels' && item) return link('channels', item)
  if (item === 'ended' || id === 'publish_rate') return link(view, null, { show: 'ended', code: ENDED[id] })
  // An id, and not the limit that somebody was past.
  if (/^\d+(-\d+)+$/.test(item ?? '')) return link(view, item)
  return link(view, null, { sort: id === 'slow_consumers' ? 'waiting' : null })
}
