// The JSON interface of the relay, as this page uses it.
//
// The token is sent once, in the body of the sign-in; from then on there is a cookie that no script can read. Nothing here
// goes into an address but names and filters.

const BASE = 'api/v1/'

/** Something that the relay refused, or that did not reach it. */
export class Failure extends Error {
  /** `status` is that of HTTP; 0: there was no answer. */
  constructor(status, message) {
    super(message)
    this.status = status
  }
}

let signedOut = () => {}

/** Calls this whenever the relay says that nobody is signed in. */
export function onSignedOut(callback) {
  signedOut = callback
}

/** The address of a question. Parameters that are empty are left out. */
export function address(path, parameters = {}) {
  const given = Object.entries(parameters).filter(([, value]) => value !== null && value !== undefined && value !== '')
  const query = new URLSearchParams(given).toString()
  return BASE + path + (query ? `?${query}` : '')
}

/** Asks, and changes nothing. */
export function ask(path, parameters = {}, signal = undefined) {
  return answer(address(path, parameters), { signal })
}

/** Has the relay do something. The header is what a form or an image of another page cannot send. */
export function order(path, body = {}, method = 'POST') {
  const headers = { 'Content-Type': 'application/json', 'Pusu-Operation': '1' }
  return answer(address(path), { method, headers, body: JSON.stringify(body) })
}

async function answer(url, options) {
  let response
  try {
    response = await fetch(url, { cache: 'no-store', credentials: 'same-origin', ...options })
  } catch (error) {
    if (error.name === 'AbortError') throw error
    throw new Failure(0, 'The relay does not answer.')
  }
  const text = await response.text()
  if (response.ok) return text === '' ? null : JSON.parse(text)
  // A wrong token at the sign-in is no end of a session.
  if (response.status === 401 && !url.endsWith('session')) signedOut()
  throw new Failure(response.status, reasonOf(response.status, text))
}

/** The words of the relay's `application/problem+json`, or as much as there is. */
function reasonOf(status, text) {
  try {
    const { title, detail } = JSON.parse(text)
    return detail || title || `The relay answered with status ${status}.`
  } catch {
    return `The relay answered with status ${status}.`
  }
}
