// Tables of what the relay says: rows that are kept while their key stays, so that the focus is not lost when figures change,
// and that become cards where the page is narrow.
//
// A column: `title`; `text(row)`, which is all it has to have; `number`, for figures; `whole`, for what is short and stays on one
// line; `more(row)`, a second line; `href(row)`, a
// place that it leads to; `hint(row)`, shown above it; `mark(row)`, a class for its state; `act` with `label`, `run(row)` and
// perhaps `isFor(row)`, a button.

import { make, setText } from './elements.js'

export class Table {
  #columns
  #key
  #rows = new Map()
  #body = make('tbody', { role: 'rowgroup' })
  #table
  #empty = make('p', { class: 'empty-table' })
  #emptyText

  /** `caption` names it for screen readers, and with `isTitled` for everybody, `key(row)` tells rows apart, `empty` stands there where there are none. */
  constructor({ caption, columns, key, empty = 'None.', isTitled = false }) {
    this.#columns = columns.map(column => ({ ...column }))
    this.#key = key
    this.#emptyText = empty
    const heads = columns.map(({ title, number }) =>
      make('th', { role: 'columnheader', scope: 'col', class: number ? 'number' : null }, title))
    this.#table = make('table', { role: 'table' }, make('caption', { class: isTitled ? null : 'unseen' }, caption),
      make('thead', { role: 'rowgroup' }, make('tr', { role: 'row' }, ...heads)), this.#body)
    this.element = make('div', { class: 'table' }, this.#table, this.#empty)
    this.#empty.hidden = true
    this.#table.hidden = true
  }

  /** Says that the rows are on their way. */
  set isBusy(busy) {
    this.#table.setAttribute('aria-busy', String(busy))
  }

  /** Shows these rows in this order. */
  show(rows) {
    const before = this.#rows
    this.#rows = new Map()
    const times = new Map()
    rows.forEach((row, at) => {
      const plain = String(this.#key(row, at))
      const time = (times.get(plain) ?? 0) + 1
      times.set(plain, time)
      // Two rows may be alike in all that tells them apart, such as decisions of one moment: each has its own element.
      const key = `${time} ${plain}`
      const kept = before.get(key) ?? this.#make()
      before.delete(key)
      this.#update(kept, row)
      this.#rows.set(key, kept)
      const standing = this.#body.children[at]
      if (standing !== kept.element) this.#body.insertBefore(kept.element, standing ?? null)
    })
    for (const gone of before.values()) gone.element.remove()
    this.#table.hidden = rows.length === 0
    this.#empty.hidden = rows.length > 0
    setText(this.#empty, rows.length > 0 ? '' : this.#emptyText)
  }

  /** Has a column shown or not: all of one that nobody asked for would be dashes. */
  showColumn(title, isShown) {
    const at = this.#columns.findIndex(column => column.title === title)
    for (const row of this.#table.rows) row.cells[at].hidden = !isShown
    this.#columns[at].isHidden = !isShown
  }

  #make() {
    const kept = { row: null, cells: [] }
    kept.cells = this.#columns.map(column => this.#cell(column, kept))
    kept.element = make('tr', { role: 'row' }, ...kept.cells.map(({ element }) => element))
    return kept
  }

  #cell(column, kept) {
    const name = column.act ? 'button' : column.href ? 'a' : 'span'
    const attributes = column.act ? { type: 'button', class: 'small', onclick: () => column.act.run(kept.row) } : {}
    const main = make(name, { class: 'value', ...attributes })
    const more = column.more ? make('span', { class: 'more' }) : null
    const element = make('td', { role: 'cell', class: column.number ? 'number' : column.whole || column.act ? 'whole' : null, 'data-label': column.title }, main, more)
    return { element, main, more }
  }

  #update(kept, row) {
    kept.row = row
    this.#columns.forEach((column, at) => {
      const { element, main, more } = kept.cells[at]
      element.hidden = column.isHidden === true
      if (column.act) return this.#updateButton(column, main, row)
      setText(main, column.text(row))
      if (more) setText(more, column.more(row) ?? '')
      const href = column.href?.(row) ?? null
      if (href !== null) main.setAttribute('href', href)
      else main.removeAttribute('href')
      const hint = column.hint?.(row) ?? null
      if (hint !== null) main.title = hint
      else main.removeAttribute('title')
      main.className = `value ${column.mark?.(row) ?? ''}`.trim()
    })
  }

  #updateButton(column, button, row) {
    setText(button, column.act.label)
    button.hidden = column.act.isFor?.(row) === false
    // Many buttons with one word each: the name of the row tells them apart.
    button.setAttribute('aria-label', `${column.act.label} ${column.text(row)}`)
  }
}
