// Relays of the network, out of the status of one: one for each relay, however many addresses it has.

/** The other relays: each with a `name` (its address, as long as it has none), `where` it is, and `sees`. */
export function relaysOf({ relays }) {
  const rows = relays.filter(row => row.state !== 'itself' && !row.same_as)
  return rows.map(row => {
    const where = row.address ?? row.remote ?? row.resolved ?? ''
    const addresses = 1 + relays.filter(other => other.same_as && other.same_as === row.resolved).length
    return { ...row, key: `${where} ${row.resolved ?? ''}`, name: row.name ?? where, where, addresses, sees: row.sees ?? null }
  })
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

function worst(states) {
  return ['down', 'linking', 'linked'].find(state => states.includes(state)) ?? 'down'
}
