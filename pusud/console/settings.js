// Settings: what holds, without secrets; what differs from the default; and what a reload would change.

import { ask, order } from './api.js'
import { attempt, confirmed } from './dialogs.js'
import { field, make, Notice, section, setText, tick } from './elements.js'
import { link, replace } from './routes.js'
import { Table } from './table.js'
import { name, nameOrNone, several } from './text.js'

export function openSettings(place, relay) {
  return new Settings(place, relay)
}

class Settings {
  title = 'Settings'
  #notice = new Notice()
  #line = make('p', { class: 'line' })
  #settings = []
  #search = make('input', { type: 'text', name: 'key', autocomplete: 'off', spellcheck: 'false', autocapitalize: 'off' })
  #differs = tick('Only what differs from the default', { name: 'differs' })
  #said = make('span', { class: 'said', role: 'status' })
  #table = new Table({ caption: 'Settings', key: row => row.key, empty: 'No setting fits.', columns: [
    { title: 'Key', text: row => name(row.key), mark: () => 'key' },
    { title: 'Value', text: row => nameOrNone(row.value), mark: row => (row.secret ? 'secret' : row.differs ? 'differs' : '') },
    { title: 'Default', text: row => (row.differs ? nameOrNone(row.default) : 'the same') },
  ] })
  #changes = new Table({ caption: 'Changes by a reload', key: row => row.key, empty: 'A reload would change nothing.', columns: [
    { title: 'Key', text: row => name(row.key), mark: () => 'key' },
    { title: 'Now', text: row => nameOrNone(row.now) },
    { title: 'In the file', text: row => nameOrNone(row.then) },
    { title: 'Takes effect', text: row => (row.needs_restart ? 'at a restart' : 'with a reload'), mark: row => (row.needs_restart ? 'warning' : 'good') },
  ] })
  #fault = make('p', { class: 'notice bad', hidden: true })

  constructor(place, { mayOperate }) {
    const bar = make('form', { class: 'bar', role: 'search', onsubmit: event => event.preventDefault() }, field('Part of the key', this.#search),
      this.#differs.element, this.#said)
    bar.addEventListener('input', () => replace(link('settings', null, { key: this.#search.value.trim(), differs: this.#differs.box.checked || null })))
    const reload = mayOperate && make('p', { class: 'buttons' }, make('button', { type: 'button', onclick: () => this.#reload() }, 'Reload the settings'))
    this.element = make('article', {}, make('h1', { tabindex: '-1' }, 'Settings'), this.#line, this.#notice.element,
      section('What holds', {}, bar, this.#table.element),
      section('What a reload would change', {}, this.#fault, this.#changes.element, reload || null))
    this.changed(place)
    this.#ask()
  }

  changed(place) {
    const key = place.filters.get('key') ?? ''
    if (this.#search.value.trim() !== key) this.#search.value = key
    this.#differs.box.checked = place.filters.get('differs') !== null
    this.#show()
  }

  async #ask() {
    const answer = await attempt(() => ask('settings'), this.#notice)
    if (answer === null) return
    this.#settings = answer.settings
    setText(this.#line, answer.file === null ? 'The relay was started without a settings file.' : `From ${name(answer.file)}. Secrets are not shown.`)
    this.#fault.hidden = answer.reload.error === null
    setText(this.#fault, answer.reload.error === null ? '' : `A reload would be refused: ${name(answer.reload.error)}`)
    this.#changes.element.hidden = answer.reload.error !== null
    this.#changes.show(answer.reload.changes)
    this.#show()
  }

  #show() {
    const key = this.#search.value.trim()
    const rows = this.#settings.filter(row => row.key.includes(key) && (row.differs || !this.#differs.box.checked))
    this.#table.show(rows)
    setText(this.#said, this.#settings.length === 0 ? '' : `${rows.length} of ${several(this.#settings.length, 'key')}`)
  }

  async #reload() {
    const anew = tick('Also start the authenticator anew, where nothing of it has changed')
    const done = await confirmed({
      title: 'Reload the settings',
      words: ['The relay reads its settings again. What has changed takes effect, but for what needs a restart. No client is disconnected.',
        'A file with a mistake changes nothing.'],
      fields: [anew.element],
      label: 'Reload',
      run: () => order('reload', { new_instance: anew.box.checked }),
    })
    if (done === null) return
    this.#notice.good([done.outcome, ...(done.certificates ?? []), ...(done.warnings ?? [])].map(name).join(' '))
    this.#ask()
  }
}
