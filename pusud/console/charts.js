// Small charts of the last 15 minutes, drawn as SVG: a line, the area below it, and its highest value as the scale. As long as
// less than 3 minutes are known, those fill the picture.
//
// The picture says in words what a reader who does not see it would want to know: now, lowest, highest.

import { draw, make, setText } from './elements.js'
import { clock } from './text.js'

const STEPS_A_MINUTE = 12
const SHORT = 3 * STEPS_A_MINUTE
const HEIGHT = 48

export class Chart {
  #format
  #unit
  #title
  #values = []
  #timeOf = () => 0
  /** How many of the values before those that are shown are left out. */
  #before = 0
  #begin = make('span')
  #hovered = null
  #number = make('span', { class: 'chart-number' })
  #unitText = make('span', { class: 'chart-unit' })
  #scale = make('span', { class: 'chart-scale' })
  #area = draw('path', { class: 'chart-area' })
  #line = draw('path', { class: 'chart-line', 'vector-effect': 'non-scaling-stroke' })
  #cursor = draw('line', { class: 'chart-cursor', y1: 0, y2: HEIGHT, 'vector-effect': 'non-scaling-stroke', visibility: 'hidden' })
  #picture

  /** `format` makes text of a value, `unit` stands behind it. */
  constructor(title, unit, format) {
    this.#title = title
    this.#unit = unit
    this.#format = format
    this.#picture = draw('svg', { class: 'chart-picture', preserveAspectRatio: 'none', role: 'img',
      onpointermove: event => this.#hover(event), onpointerleave: () => this.#hover(null) },
    this.#area, this.#line, this.#cursor)
    this.element = make('figure', { class: 'chart' },
      make('figcaption', {}, make('span', { class: 'chart-title' }, title),
        make('span', { class: 'chart-now' }, this.#number, ' ', this.#unitText)),
      this.#picture,
      make('p', { class: 'chart-axis', 'aria-hidden': 'true' }, this.#begin, this.#scale, make('span', {}, 'now')))
  }

  /** Shows these values, the oldest first, with `null` for gaps; `timeOf` says when each was. */
  show(values, now, timeOf) {
    const known = values.filter(value => value !== null)
    this.#before = values.findIndex(value => value !== null) >= values.length - SHORT ? values.length - SHORT : 0
    this.#values = values.slice(this.#before)
    this.#timeOf = timeOf
    this.#picture.setAttribute('viewBox', `0 0 ${this.#values.length} ${HEIGHT}`)
    setText(this.#begin, `−${this.#values.length / STEPS_A_MINUTE} min`)
    const highest = Math.max(0, ...known)
    const top = scale(highest)
    const path = lines(this.#values, top)
    this.#line.setAttribute('d', path.line)
    this.#area.setAttribute('d', path.area)
    setText(this.#scale, known.length > 0 ? `highest ${this.#format(highest)}` : '')
    this.#picture.setAttribute('aria-label', known.length === 0 ? `${this.#title}: no figures yet`
      : `${this.#title} in the last 15 minutes: now ${this.#format(now)}${this.#unit}, lowest ${this.#format(Math.min(...known))}, `
        + `highest ${this.#format(highest)}`)
    this.#now = now
    this.#readOut()
  }

  #now = null

  #hover(event) {
    const box = this.#picture.getBoundingClientRect()
    const at = event === null ? null : Math.floor(((event.clientX - box.left) / box.width) * this.#values.length)
    this.#hovered = at === null || !(at in this.#values) ? null : at
    this.#readOut()
  }

  /** The figure of the place under the pointer, or of now. */
  #readOut() {
    const at = this.#hovered
    const value = at === null ? this.#now : this.#values[at]
    setText(this.#number, value === null ? '–' : this.#format(value))
    setText(this.#unitText, at === null ? this.#unit : `${this.#unit} at ${clock(this.#timeOf(this.#before + at))}`)
    this.#cursor.setAttribute('visibility', at === null ? 'hidden' : 'visible')
    if (at !== null) {
      this.#cursor.setAttribute('x1', at + 0.5)
      this.#cursor.setAttribute('x2', at + 0.5)
    }
  }
}

/** The next of 1, 2, 5, 10 … that a value fits below, so that the line does not jump with each new highest one. */
function scale(highest) {
  if (highest <= 0) return 1
  const decade = 10 ** Math.floor(Math.log10(highest))
  return [1, 2, 5, 10].map(step => step * decade).find(step => step >= highest) ?? highest
}

/** The paths of a line with gaps and of the area below it. */
function lines(values, top) {
  const y = value => (HEIGHT - 1 - (value / top) * (HEIGHT - 3)).toFixed(2)
  let line = ''
  let area = ''
  values.forEach((value, at) => {
    if (value === null) return
    const begins = at === 0 || values[at - 1] === null
    const ends = at === values.length - 1 || values[at + 1] === null
    // A value with gaps on both sides is a dash, and not nothing.
    line += begins ? `M${at} ${y(value)}` : `L${at + 1} ${y(value)}`
    if (begins) line += `h1`
    area += begins ? `M${at} ${HEIGHT}V${y(value)}h1` : `L${at + 1} ${y(value)}`
    if (ends) area += `V${HEIGHT}Z`
  })
  return { line, area }
}
