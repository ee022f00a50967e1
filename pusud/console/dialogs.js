// The question before a change: what will happen, and to whom. Nothing happens before it is answered.

import { Failure } from './api.js'
import { make, Notice } from './elements.js'

/**
 * Asks, and does it. `title`, `words` (what will happen), `fields` (elements of the form), `label` (of the button), and
 * `run(form)`, whose failure is shown in the dialog. Returns what `run` did, or null where it was not wanted.
 */
export function confirmed({ title, words, fields = [], label, run }) {
  return new Promise(resolve => {
    const notice = new Notice()
    const cancel = make('button', { type: 'button', class: 'quiet', autofocus: true, onclick: () => dialog.close() }, 'Cancel')
    const go = make('button', { class: 'danger' }, label)
    const form = make('form', { method: 'dialog' }, make('h2', { id: 'dialog-title' }, title),
      ...words.map(text => make('p', {}, text)), ...fields, notice.element, make('p', { class: 'buttons' }, cancel, go))
    const dialog = make('dialog', { 'aria-labelledby': 'dialog-title' }, form)
    let done = null
    form.addEventListener('submit', async event => {
      event.preventDefault()
      go.disabled = true
      done = await attempt(() => run(form), notice)
      go.disabled = false
      if (done !== null) dialog.close()
    })
    dialog.addEventListener('close', () => {
      dialog.remove()
      resolve(done)
    })
    document.body.append(dialog)
    dialog.showModal()
  })
}

/** Closes those that are open, as if they had been cancelled. */
export function closeDialogs() {
  for (const dialog of document.querySelectorAll('dialog[open]')) dialog.close()
}

/** What the work gave; null, and the reason in the notice, where it failed. */
export async function attempt(work, notice) {
  try {
    return await work()
  } catch (error) {
    if (error.name !== 'AbortError') notice.bad(error instanceof Failure ? error.message : `This page has a fault: ${error.message}`)
    return null
  }
}
