// The picture of the network: relays on a circle, and a line for each link; NATS in the middle, where they reach each other over it. Its state is told by colour, by dashes and in words.
//
// The picture is as wide as its place, and its text as large as that of the page: it is drawn anew when the place changes.

import { draw, make } from './elements.js'
import { linksOf, NATS, waysOf } from './relays.js'
import { duration, name } from './text.js'

const HEIGHT = 300
const NODE = 9
const LABEL_CHARACTERS_MAX = 18
const LEGEND = [['linked', 'linked'], ['linking', 'linking'], ['down', 'not linked'], ['differs', 'the two do not agree']]

export class RelayPicture {
  #place = make('div', { class: 'relay-picture' })
  #last = null
  #drawn = ''

  constructor() {
    this.element = make('figure', { class: 'network' }, this.#place, make('figcaption', {}, ...LEGEND.map(legend)))
    new ResizeObserver(() => this.#draw()).observe(this.#place)
  }

  /** Shows this relay and the others, and NATS between them, where that is not null. */
  show(own, relays, nats) {
    this.#last = { own, relays, nats }
    this.#draw()
  }

  #draw() {
    const width = Math.floor(this.#place.clientWidth)
    if (this.#last === null || width === 0) return
    const { own, relays, nats } = this.#last
    const links = nats ? waysOf(own, relays, nats) : linksOf(own, relays)
    const labels = new Map([...relays, { name: NATS, state: 'linked', round_trip: nats?.round_trip ?? null }].map(row => [row.name, row.state === 'linked' && row.round_trip !== null ? duration(row.round_trip) : '']))
    // A picture that looks the same is not drawn again: readers of it would begin anew each second.
    const drawn = JSON.stringify([width, own, links, [...labels]])
    if (drawn === this.#drawn) return
    this.#drawn = drawn
    const names = [own, ...new Set(links.flatMap(({ between }) => between).filter(one => one !== own && one !== NATS))]
    const at = places(names, width)
    if (nats) at.set(NATS, { x: width / 2, y: HEIGHT / 2, isLow: true })
    this.#place.replaceChildren(draw('svg', { width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}`, role: 'img', 'aria-label': words(links) },
      ...links.flatMap(link => line(link, at, own, labels)), ...[...at].flatMap(([one, place]) => node(one, place, one === own))))
  }
}

/** This relay at the top, the others around. */
function places(names, width) {
  const radii = [Math.min(width / 2 - 70, 260), HEIGHT / 2 - 40]
  return new Map(names.map((one, number) => {
    const turn = (number / names.length) * 2 * Math.PI - Math.PI / 2
    return [one, { x: width / 2 + radii[0] * Math.cos(turn), y: HEIGHT / 2 + radii[1] * Math.sin(turn), isLow: Math.sin(turn) >= -0.01 }]
  }))
}

function line({ between, state, differs }, at, own, labels) {
  const [one, other] = between.map(end => at.get(end))
  const kind = differs ? 'differs' : state
  const line = draw('line', { class: `link ${kind}`, x1: one.x, y1: one.y, x2: other.x, y2: other.y })
  const peer = between[0] === own ? between[1] : between[0]
  const text = between.includes(own) ? labels.get(peer) : ''
  if (!text) return [line]
  const middle = { x: (one.x + other.x) / 2, y: (one.y + other.y) / 2 }
  return [line, draw('text', { class: 'link-label', x: middle.x, y: middle.y - 6, 'text-anchor': 'middle' }, text)]
}

function node(one, { x, y, isLow }, isOwn) {
  const text = shown(one)
  const short = text.length > LABEL_CHARACTERS_MAX ? `${text.slice(0, LABEL_CHARACTERS_MAX - 1)}…` : text
  const label = draw('text', { class: 'node-label', x, y: isLow ? y + NODE + 18 : y - NODE - 9, 'text-anchor': 'middle' }, short, draw('title', {}, text))
  return [draw('circle', { class: isOwn ? 'node own' : 'node', cx: x, cy: y, r: NODE }), label]
}

const shown = one => (one === NATS ? 'NATS' : name(one))

/** The picture in words. */
function words(links) {
  const said = { linked: 'linked', linking: 'linking', down: 'not linked' }
  return links.map(({ between, state, differs }) =>
    `${between.map(shown).join(' and ')}: ${differs ? 'the two do not agree' : said[state]}`).join('. ')
}

function legend([kind, text]) {
  const sample = draw('svg', { width: 28, height: 8, 'aria-hidden': 'true' }, draw('line', { class: `link ${kind}`, x1: 1, y1: 4, x2: 27, y2: 4 }))
  return make('span', {}, sample, ' ', text)
}
