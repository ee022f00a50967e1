// Relays of the network, out of the status of one: one for each relay, however many addresses it has.

/** The other relays: each with a `name` (its address, as long as it has none), `where` it is, and `sees`. */
export function relaysOf({ relays, nats }) {
  const rows = relays.filter(row => row.state !== 'itself' && !row.same_as)
  return rows.map(row => {
    const where = row.address ?? row.remote ?? row.resolved ?? ''
    const addresses = 1 + relays.filter(other => other.same_as && other.same_as === row.resolved).length
    const isOverNats = Boolean(nats)
    const key = isOverNats ? row.name : `${where} ${row.resolved ?? ''}`
    return { ...row, key, name: row.name ?? where, where: isOverNats ? atServer(where, nats) : where, addresses, isOverNats, sees: row.sees ?? null }
  })
}

/** The server that a relay is at, by the beginning of its id. */
function atServer(id, nats) {
  if (!id) return ''
  return id === nats.server_id ? 'at the same NATS server' : `at the NATS server ${id.slice(0, 8)}`
}

/** Where another relay sees one of the links otherwise: `by` whom, `of` which relay, its `state` and that of ours. */
export function differences(own, relays) {
  const ours = new Map(relays.map(({ name, state }) => [name, state]))
  const found = []
  for (const { name: by, sees, state: reached } of relays) {
    for (const { name: of, state } of sees ?? []) {
      if (of === by || state === 'itself') continue
      const here = of === own ? reached : ours.get(of) ?? 'unknown'
      if (here !== state) found.push({ by, of, state, here })
    }
  }
  return found
}

/** All links that are known of: between which two relays, and in which state; `differs` where the two do not agree. */
export function linksOf(own, relays) {
  const links = new Map()
  const add = (one, other, state) => {
    const key = [one, other].sort().join('\n')
    const link = links.get(key) ?? { between: [one, other], states: [] }
    link.states.push(state)
    links.set(key, link)
  }
  for (const row of relays) {
    add(own, row.name, row.state)
    for (const { name, state } of row.sees ?? []) {
      if (name !== row.name && state !== 'itself') add(row.name, name, state)
    }
  }
  return [...links.values()].map(({ between, states }) => ({ between, state: worst(states), differs: new Set(states).size > 1 }))
}

/** The node in the middle, where relays reach each other over NATS. No relay has this name: it has a control character. */
export const NATS = '\u0000NATS'

/** Ways of all relays to NATS; `differs` where one of the others is seen otherwise by a third, or sees one so. */
export function waysOf(own, relays, nats) {
  const seen = new Set(differences(own, relays).flatMap(({ by, of }) => [by, of]))
  const ways = relays.map(({ name, state }) => ({ between: [NATS, name], state, differs: seen.has(name) }))
  return [{ between: [NATS, own], state: nats.server === null ? 'down' : nats.joined ? 'linked' : 'linking', differs: false }, ...ways]
}

function worst(states) {
  return ['down', 'linking', 'linked'].find(state => states.includes(state)) ?? 'down'
}
