// Room: what is used of what there is, of memory for messages that wait and of open files.

import { make, section, setText } from './elements.js'
import { bytes, exact } from './text.js'

export class RoomPart {
  #memory = new Gauge('Messages that wait', bytes)
  #files = new Gauge('Open files', exact)

  #ceiling = make('p', { class: 'hint' })

  constructor() {
    this.element = section('Room', { id: 'room' }, this.#memory.element, this.#files.element, this.#ceiling)
  }

  update({ status: { memory, open_files } }) {
    this.#memory.show(memory?.queued_bytes, memory?.queued_bytes_max)
    this.#files.show(open_files?.used, open_files?.max)
    setText(this.#ceiling, memory?.ceiling_bytes > 0 ? `The limits let this relay take ${bytes(memory.ceiling_bytes)} at the most.` : '')
  }
}

/** A bar that fills up, with its figures as text. */
export class Gauge {
  #title
  #format
  #text = make('span', { class: 'gauge-text' })
  #bar = make('div', { class: 'gauge-fill' })
  #meter

  constructor(title, format) {
    this.#title = title
    this.#format = format
    this.#meter = make('div', { class: 'gauge-bar', role: 'meter', 'aria-label': title, 'aria-valuemin': 0, 'aria-valuemax': 100 }, this.#bar)
    this.element = make('div', { class: 'gauge' }, make('p', {}, make('span', { class: 'label' }, title), this.#text), this.#meter)
  }

  show(used, max) {
    this.element.hidden = !Number.isFinite(used) || !Number.isFinite(max) || max === 0
    if (this.element.hidden) return
    const part = Math.min(1, used / max)
    const percent = Math.floor(part * 100)
    setText(this.#text, `${this.#format(used)} of ${this.#format(max)}`)
    this.#meter.setAttribute('aria-valuenow', percent)
    this.#meter.setAttribute('aria-valuetext', `${this.#title}: ${this.#format(used)} of ${this.#format(max)}, ${percent} %`)
    this.#bar.className = `gauge-fill ${part >= 0.9 ? 'error' : part >= 0.75 ? 'warning' : ''}`.trim()
    this.#bar.style.width = `${(part * 100).toFixed(1)}%`
  }
}
