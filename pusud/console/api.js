// The JSON interface of the relay, as this page uses it.
//
// The token is sent once, in the body of the sign-in; from then on there is a cookie that no script can read. Nothing here
// goes into an address but names and filters.

const BASE = 'api/v1/'

/** How long the relay may take to answer. */
const ANSWER_MS = 10_000
/** The same for what waits for an authenticator: as long as that may take to decide, or to start. */
const ORDER_MS = 60_000

const SILENCE = 'The relay does not answer.'
/** Orders that leave nothing changed behind. */
const WITHOUT_TRACE = ['session', 'authorize']

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
  const limit = AbortSignal.timeout(ANSWER_MS)
  return answer(address(path, parameters), { signal: signal ? AbortSignal.any([signal, limit]) : limit }, SILENCE)
}

/** Has the relay do something. The header is what a form or an image of another page cannot send. */
export function order(path, body = {}, method = 'POST') {
  const headers = { 'Content-Type': 'application/json', 'Pusu-Operation': '1' }
  const signal = AbortSignal.timeout(path === 'session' ? ANSWER_MS : ORDER_MS)
  const silence = WITHOUT_TRACE.includes(path) ? SILENCE : `${SILENCE} Whether this was done is in its log.`
  return answer(address(path), { method, headers, body: JSON.stringify(body), signal }, silence)
}

/** `silence` is what is said where none comes. */
async function answer(url, options, silence) {
  let response
  let text
  try {
    response = await fetch(url, { cache: 'no-store', credentials: 'same-origin', ...options })
    // It may end in the middle of its answer as well.
    text = await response.text()
  } catch (error) {
    if (error.name === 'AbortError') throw error
    throw new Failure(0, silence)
  }
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
