// The console: who is signed in, which view is open, and what goes to it.
//
// A view is an object with `title`, `element`, and as it needs them `update(latest)` once a second, `changed(place)` when only
// the filters of its place change, and `close()`.

import { ask, onSignedOut, order } from './api.js'
import { openChannel } from './channel.js'
import { openChannels } from './channels.js'
import { openClient } from './client.js'
import { openClients } from './clients.js'
import { closeDialogs } from './dialogs.js'
import { make, setText } from './elements.js'
import { Live } from './live.js'
import { openNetwork } from './network.js'
import { openNow } from './now.js'
import { Problems } from './problems.js'
import { link, place, VIEWS } from './routes.js'
import { openSettings } from './settings.js'
import { signIn } from './sign_in.js'
import { clock, duration, name } from './text.js'
import { startTheme } from './theme.js'
import { openWhy } from './why.js'

const OPENERS = { now: openNow, network: openNetwork, clients: openClients, channels: openChannels, why: openWhy, settings: openSettings }
const ITEM_OPENERS = { clients: openClient, channels: openChannel }

const at = id => document.getElementById(id)
const main = at('main')
const problems = new Problems(at('problems'), at('announcement'))
let live = null
let relay = null
let view = null
let here = null

/** Shows a view in place of the one before. The focus goes to its heading, which says aloud where one is. */
function show(next, takesFocus) {
  view?.close?.()
  // A question about what is not shown any more.
  closeDialogs()
  view = next
  at('still-signed-in').hidden = true
  main.replaceChildren(next.element)
  setTitle()
  if (!takesFocus) return
  window.scrollTo(0, 0)
  if (next.focus) next.focus()
  else main.querySelector('h1')?.focus()
}

function setTitle() {
  document.title = relay === null ? `${view.title} – pusud` : `${view.title} – ${name(relay.name)} – pusud`
}

/** Goes where the address says. */
function go(takesFocus) {
  if (relay === null) return
  const next = place(location.hash)
  const isSame = here !== null && here.view === next.view && here.item === next.item && view.changed
  here = next
  for (const way of at('views').children) {
    if (way.dataset.view === next.view) way.setAttribute('aria-current', 'page')
    else way.removeAttribute('aria-current')
  }
  if (isSame) return view.changed(next)
  const opener = (next.item !== null && ITEM_OPENERS[next.view]) || OPENERS[next.view]
  show(opener(next, relay), takesFocus)
  if (live.latest) view.update?.(live.latest)
}

function signedIn(session, takesFocus) {
  live = new Live()
  relay = { name: session.relay, mayOperate: session.role === 'operate', live }
  setText(at('relay-name'), name(session.relay))
  at('views').hidden = at('sign-out').hidden = false
  live.addEventListener('figures', figures)
  live.addEventListener('lost', event => lost(`It is asked again in ${duration(event.detail.retry_ms / 1000)}.`))
  live.addEventListener('asking', () => lost('It is being asked.'))
  live.addEventListener('signed-out', signedOut)
  live.start()
  here = null
  go(takesFocus)
}

function signedOut() {
  live?.stop()
  live = relay = here = null
  for (const part of ['views', 'sign-out', 'problems', 'lost']) at(part).hidden = true
  document.body.classList.remove('stale')
  setText(at('announcement'), '')
  setText(at('relay-name'), 'pusud')
  setText(at('relay-state'), '')
  show(signIn(session => signedIn(session, true)), true)
}

function figures() {
  const { status } = live.latest
  at('lost').hidden = true
  document.body.classList.remove('stale')
  relay.name = status.name
  setText(at('relay-name'), name(status.name))
  setText(at('relay-state'), status.state === 'stopping' ? 'is stopping' : `serving for ${duration(status.uptime_seconds)}`)
  problems.show(live.latest.problems)
  view.update?.(live.latest)
  setTitle()
}

function lost(what) {
  const last = live.heard === 0 ? '' : ` The figures are those of ${clock(live.heard)}.`
  setText(at('lost'), `The relay does not answer. ${what}${last}`)
  at('lost').hidden = false
  document.body.classList.add('stale')
}

/** Whoever goes away has to know whether the session has ended: its cookie is in the browser as long as the relay takes it. */
async function signOut() {
  const button = at('sign-out')
  button.disabled = true
  const failure = await order('session', {}, 'DELETE').then(() => null, failure => failure)
  button.disabled = false
  if (relay === null) return
  if (failure === null || failure.status === 401) return signedOut()
  setText(at('still-signed-in'), failure.status === 0 ? 'You may still be signed in: the relay did not answer. Sign out again when it does.'
    : `You are still signed in: ${failure.message}`)
  at('still-signed-in').hidden = false
}

async function begin() {
  startTheme(at('theme'))
  at('views').append(...VIEWS.map(([view, title]) => make('a', { href: link(view), 'data-view': view }, title)))
  at('sign-out').addEventListener('click', signOut)
  // Its address would take the place of that of the view.
  document.querySelector('.skip').addEventListener('click', event => {
    event.preventDefault()
    main.focus()
  })
  window.addEventListener('hashchange', () => go(true))
  onSignedOut(() => relay !== null && signedOut())
  try {
    signedIn(await ask('session'), false)
  } catch {
    signedOut()
  }
}

begin()
