// Elements of the page.
//
// Text goes in as text nodes and nothing else: names that clients chose, with markup in them, are shown and never parsed.

const SVG = 'http://www.w3.org/2000/svg'

/** An HTML element. Attributes that are null or false are left out; functions are listeners, named `onclick` and so on. */
export function make(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children)
}

/** The same for SVG. */
export function draw(name, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children)
}

function fill(element, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue
    if (typeof value === 'function') element.addEventListener(key.slice(2), value)
    else element.setAttribute(key, value === true ? '' : value)
  }
  element.append(...children.flat().filter(child => child !== null && child !== undefined))
  return element
}

/** Sets a text only where it differs: screen readers read again what is set again. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text
}

/** A part of a view with its heading. */
export function section(title, attributes = {}, ...children) {
  const heading = make('h2', { tabindex: '-1' }, title)
  return make('section', { 'aria-label': title, ...attributes }, heading, ...children)
}

/** A field of a form with its label above it. */
export function field(label, control, hint = null) {
  return make('label', { class: 'field' }, make('span', { class: 'label' }, label), control,
    hint && make('span', { class: 'hint' }, hint))
}

/** A box to tick with its label behind it. */
export function tick(label, attributes = {}) {
  const box = make('input', { type: 'checkbox', ...attributes })
  return { box, element: make('label', { class: 'tick' }, box, ' ', label) }
}

/** A choice of `[value, label]` pairs. */
export function choice(pairs, chosen, attributes = {}) {
  const options = pairs.map(([value, label]) => make('option', { value, selected: value === chosen }, label))
  return make('select', attributes, ...options)
}

/** A paragraph that says what has become of something, aloud. */
export class Notice {
  element = make('p', { class: 'notice', role: 'status' })

  constructor() { this.clear() }

  good(text) { this.#say(text, 'good') }

  bad(text) { this.#say(text, 'bad') }

  /** What is neither. */
  plain(text) { this.#say(text, 'plain') }

  clear() {
    this.element.className = 'notice empty'
    this.element.textContent = ''
  }

  #say(text, kind) {
    this.element.className = `notice ${kind}`
    setText(this.element, text)
  }
}
