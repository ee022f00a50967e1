// A message for a test, to one channel. It goes the way of every other one: all listeners get it.

import { order } from './api.js'
import { attempt } from './dialogs.js'
import { choice, field, make, Notice, section } from './elements.js'
import { clock } from './text.js'

const KINDS = [['text', 'text'], ['json', 'JSON']]

export class PublishPart {
  #channel
  #notice = new Notice()
  #content = make('textarea', { name: 'content', rows: '3', spellcheck: 'false', required: true })
  #kind = choice(KINDS, 'text', { name: 'kind' })

  constructor(channel) {
    this.#channel = channel
    const form = make('form', { onsubmit: event => this.#publish(event) }, field('Content', this.#content), field('It is', this.#kind),
      make('p', { class: 'buttons' }, make('button', {}, 'Publish')), this.#notice.element)
    this.element = section('Publish a test message', {}, make('p', { class: 'hint' }, 'All who listen to this channel get it, on all relays.'), form)
  }

  async #publish(event) {
    event.preventDefault()
    const content = this.#kind.value === 'text' ? this.#content.value : this.#parsed()
    if (content === undefined) return
    const done = await attempt(() => order('publish', { channel: this.#channel, content }), this.#notice)
    if (done !== null) this.#notice.good(`Published at ${clock(Date.now())}.`)
  }

  #parsed() {
    try {
      return JSON.parse(this.#content.value)
    } catch (error) {
      this.#notice.bad(`This is no JSON: ${error.message}`)
      return undefined
    }
  }
}
