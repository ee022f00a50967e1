// The sign-in: a token for a cookie. The token is in the field until it is sent, and nowhere else.

import { Failure, order } from './api.js'
import { field, make, Notice } from './elements.js'

/** The form; `then` is told who is signed in. */
export function signIn(then) {
  const notice = new Notice()
  const token = make('input', { type: 'password', name: 'token', autocomplete: 'current-password', required: true, spellcheck: 'false' })
  const button = make('button', {}, 'Sign in')
  const form = make('form', { class: 'sign-in' }, make('h1', { tabindex: '-1' }, 'Sign in'), field('Token', token),
    make('p', { class: 'buttons' }, button), notice.element, where())
  form.addEventListener('submit', async event => {
    event.preventDefault()
    button.disabled = true
    notice.clear()
    try {
      then(await order('session', { token: token.value.trim() }))
    } catch (error) {
      notice.bad(words(error))
      token.focus()
    } finally {
      token.value = ''
      button.disabled = false
    }
  })
  return { title: 'Sign in', element: form, focus: () => token.focus() }
}

function words(error) {
  if (!(error instanceof Failure)) return `This page has a fault: ${error.message}`
  // To who is on the relay's machine it says which file has those that are.
  if (error.status === 401) return error.message.replace(/^the token is wrong/, 'This is not a token of this relay')
  return error.message
}

function where() {
  return make('div', { class: 'hints' },
    make('p', {}, 'The relay made its tokens at its first start: one to read, one to operate. Its log says in which file they are: ',
      make('code', {}, 'operators\' tokens are here'), '. Without ', make('code', {}, 'operations_token_file'), ' in its settings that is ',
      make('code', {}, 'pusud-operations-PORT.token'), ' in the service manager\'s state directory, else beside the control socket. '
      + 'Only the relay\'s user may read it.'),
    make('p', {}, 'In place of the token the browser keeps a cookie, which no script can read.'))
}
