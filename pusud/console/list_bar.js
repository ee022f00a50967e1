// The bar above a list: filters, which stand in the address of the page, and whether the list is asked for again and again.

import { make, setText, tick } from './elements.js'
import { link, replace } from './routes.js'

export class ListBar {
  #view
  #controls
  #form
  #said = make('span', { class: 'said', role: 'status' })
  #again = tick('Ask again every few seconds', { checked: true })

  /** `fields`: elements with a named control each. `repeated` is the list's. */
  constructor(view, fields, repeated) {
    this.#view = view
    this.#form = make('form', { class: 'bar', role: 'search' }, ...fields, make('button', {}, 'Show'), this.#again.element, this.#said)
    this.#controls = [...this.#form.elements].filter(({ name }) => name)
    this.element = this.#form
    this.#form.addEventListener('submit', event => {
      event.preventDefault()
      this.#go()
      repeated.now()
    })
    for (const control of this.#controls) if (control.tagName === 'SELECT') control.addEventListener('change', () => this.#go())
    this.#again.box.addEventListener('change', () => { repeated.isOn = this.#again.box.checked })
  }

  /** Shows the filters of a place; what it does not say has its first choice, or is empty. */
  fill(filters) {
    for (const control of this.#controls) {
      const value = filters.get(control.name)
      if (control.type === 'checkbox') control.checked = value !== null
      else if (control.tagName === 'SELECT') control.value = [...control.options].some(one => one.value === value) ? value : control.options[0].value
      else control.value = value ?? ''
    }
  }

  /** The filters as they are set. */
  get filters() {
    return Object.fromEntries(this.#controls.map(one => [one.name, one.type === 'checkbox' ? (one.checked ? 'true' : '') : one.value.trim()]))
  }

  /** A remark behind the filters, such as how many there are. */
  say(text) {
    setText(this.#said, text)
  }

  /** Filters that are as they are at first are not worth a place in the address. */
  #go() {
    const filters = this.filters
    for (const { name, tagName, options } of this.#controls) if (tagName === 'SELECT' && filters[name] === options[0].value) delete filters[name]
    replace(link(this.#view, null, filters))
  }
}

/** A remark where shards or the network have not answered, so that rows or the other relays are missing. */
export function hanging({ hanging_shards = [], network_hangs = false }) {
  const shards = hanging_shards.length === 0 ? '' : `. Missing: those of shard ${hanging_shards.join(', ')}, which does not answer`
  return network_hangs ? `${shards}. Missing: other relays, since the network does not answer` : shards
}
