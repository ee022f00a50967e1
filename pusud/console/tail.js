// The tail of a channel: its messages as they come, the newest on top. A bounded number of them is kept, and all of them are
// shown as text. While it is paused they are counted and not shown.

import { address } from './api.js'
import { make, section, setText } from './elements.js'
import { clock, exact, json, name, several } from './text.js'

const ROWS_MAX = 200

export class TailPart {
  #channel
  #source = null
  #waiting = []
  #came = 0
  #missed = 0
  #isPaused = false
  #frame = 0
  #said = make('span', { class: 'said', role: 'status' })
  #start = make('button', { type: 'button', onclick: () => (this.#source ? this.#stop('Stopped.') : this.#begin()) }, 'Listen')
  #pause = make('button', { type: 'button', class: 'quiet', hidden: true, 'aria-pressed': 'false', onclick: () => this.#togglePause() }, 'Pause')
  // Not read aloud: at ten messages a second nobody could follow.
  #rows = make('ol', { class: 'tail', tabindex: '0', 'aria-label': 'Messages, the newest first', hidden: true })

  constructor(channel) {
    this.#channel = channel
    this.element = section('Messages as they come', { class: 'wide' },
      make('div', { class: 'bar' }, this.#start, this.#pause, this.#said), this.#rows)
  }

  close() {
    this.#source?.close()
    this.#source = null
    cancelAnimationFrame(this.#frame)
  }

  #begin() {
    this.#came = this.#missed = 0
    this.#source = new EventSource(address('tail', { channel: this.#channel }))
    this.#source.addEventListener('open', () => this.#say())
    this.#source.addEventListener('message', event => this.#hear(JSON.parse(event.data)))
    this.#source.addEventListener('end', event => this.#stop(`The relay ended it: ${name(JSON.parse(event.data).reason)}`))
    // It is not opened again by itself: what came meanwhile would be missing, and nothing would show it.
    this.#source.addEventListener('error', () => this.#stop('The relay ended it.'))
    this.#rows.replaceChildren()
    setText(this.#start, 'Stop')
    setText(this.#said, 'Opening …')
    this.#pause.hidden = false
  }

  #stop(words) {
    this.close()
    this.#draw()
    setText(this.#start, 'Listen')
    setText(this.#said, words)
    this.#pause.hidden = true
    if (this.#isPaused) this.#togglePause()
  }

  #togglePause() {
    this.#isPaused = !this.#isPaused
    this.#pause.setAttribute('aria-pressed', String(this.#isPaused))
    setText(this.#pause, this.#isPaused ? 'Go on' : 'Pause')
    if (!this.#isPaused) this.#missed = 0
    if (this.#source) this.#say()
  }

  #hear(message) {
    this.#came += 1
    if (this.#isPaused) {
      this.#missed += 1
    } else {
      this.#waiting.push(message)
      // Of a thousand that come between two pictures, nobody sees more than the last ones.
      if (this.#waiting.length > ROWS_MAX) this.#waiting.shift()
    }
    this.#frame ||= requestAnimationFrame(() => this.#draw())
  }

  #draw() {
    this.#frame = 0
    const rows = this.#waiting.map(row).reverse()
    this.#waiting = []
    this.#rows.prepend(...rows)
    while (this.#rows.childElementCount > ROWS_MAX) this.#rows.lastElementChild.remove()
    this.#rows.hidden = this.#rows.childElementCount === 0
    if (this.#source) this.#say()
  }

  #say() {
    const came = this.#came === 0 ? 'Listening: nothing has come yet.' : `${several(this.#came, 'message')} so far; the last ${ROWS_MAX} are kept.`
    setText(this.#said, this.#isPaused ? `${came} Paused: ${exact(this.#missed)} not shown.` : came)
  }
}

function row({ time_ms, content }) {
  return make('li', {}, make('time', { datetime: new Date(time_ms).toISOString() }, clock(time_ms)), ' ', make('span', {}, json(content)))
}
