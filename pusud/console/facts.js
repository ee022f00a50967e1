// Pairs of a name and a value, one below the other; values change, and the elements stay.

import { make, setText } from './elements.js'

export class Facts {
  element = make('dl', { class: 'facts' })
  #rows = new Map()

  /** Shows `[name, text]` pairs, or `[name, text, {mark, href}]`; a text of `null` is left out. */
  show(pairs) {
    const shown = pairs.filter(([, text]) => text !== null && text !== undefined)
    const names = new Set(shown.map(([name]) => name))
    for (const [name, row] of this.#rows) {
      if (names.has(name)) continue
      row.element.remove()
      this.#rows.delete(name)
    }
    shown.forEach(([name, text, { mark = '', href = null } = {}], at) => {
      const row = this.#rows.get(name) ?? this.#add(name, href !== null)
      setText(row.value, text)
      row.value.className = mark
      if (href !== null) row.value.setAttribute('href', href)
      if (this.element.children[at] !== row.element) this.element.insertBefore(row.element, this.element.children[at] ?? null)
    })
  }

  #add(name, isLink) {
    const value = make(isLink ? 'a' : 'span')
    const element = make('div', {}, make('dt', {}, name), make('dd', {}, value))
    const row = { element, value }
    this.#rows.set(name, row)
    return row
  }
}
