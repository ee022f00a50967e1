// Why: what an authorization gives and why, what was decided lately, and where a shadow would have decided otherwise.

import { AuthorizePart } from './authorize.js'
import { DecisionsPart } from './decisions.js'
import { make } from './elements.js'
import { ShadowsPart } from './shadows.js'

export function openWhy(place, relay) {
  return new Why(place, relay)
}

class Why {
  title = 'Why'
  #decisions
  #shadows = new ShadowsPart()

  constructor(place, relay) {
    this.#decisions = new DecisionsPart(relay)
    this.element = make('article', {}, make('h1', { tabindex: '-1' }, 'Why'),
      make('p', { class: 'line' }, 'Why somebody was let in or refused, and what an authorization permits.'),
      this.#decisions.element, new AuthorizePart().element, this.#shadows.element)
    this.changed(place)
  }

  update({ status }) {
    this.#shadows.update(status)
  }

  changed(place) {
    this.#decisions.changed(place)
  }

  close() {
    this.#decisions.close()
  }
}
