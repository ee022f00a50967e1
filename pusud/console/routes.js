// The place in the console, which is all that its address says: `#/clients/1-204`, `#/channels?sort=rate`.
//
// **Invariant:** no token and no authorization is ever in it.

/** The views in their order, with their names. */
export const VIEWS = [
  ['now', 'Now'],
  ['network', 'Network'],
  ['clients', 'Clients'],
  ['channels', 'Channels'],
  ['why', 'Why'],
  ['settings', 'Settings'],
]

/** The address of a view, of one thing in it, or of a list with these filters. */
export function link(view, item = null, filters = {}) {
  const given = Object.entries(filters).filter(([, value]) => value !== null && value !== undefined && value !== '')
  const query = new URLSearchParams(given).toString()
  return `#/${view}` + (item === null ? '' : `/${encodeURIComponent(item)}`) + (query ? `?${query}` : '')
}

/** The place of an address. Whatever leads nowhere leads to the first view. */
export function place(hash) {
  const [path, query = ''] = hash.replace(/^#\/?/, '').split(/\?(.*)/s)
  const [view, ...rest] = path.split('/')
  const known = VIEWS.some(([name]) => name === view)
  return {
    view: known ? view : 'now',
    item: known && rest.length > 0 ? decoded(rest.join('/')) : null,
    filters: new URLSearchParams(query),
  }
}

/** Goes to an address without a step back to the one before: filters that are typed are no places. */
export function replace(hash) {
  history.replaceState(null, '', hash)
  window.dispatchEvent(new HashChangeEvent('hashchange'))
}

function decoded(text) {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
