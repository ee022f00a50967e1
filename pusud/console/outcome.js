// What has become of an order, here and on the linked relays, in words.

import { name, several } from './text.js'

/** Of an answer with `connections` and `relays`, as those to a disconnect and a revocation are. */
export function outcome({ connections, relays, is_saved, save_problem }, what = 'connection') {
  const here = connections === null ? 'Not all shards of this relay have answered.' : `${several(connections, what)} here.`
  const there = (relays ?? []).map(({ relay, connections, problem }) =>
    problem ? notKnown(relay, problem) : `${several(connections ?? 0, what)} on ${name(relay)}.`)
  const isForNow = is_saved === null && !save_problem
  const lasting = isForNow ? ['It does not outlive a restart of this relay: there is no revocations_file.'] : []
  return [here, ...there, ...notSaved(save_problem), ...lasting].join(' ')
}

/** Of the answer to a lift: it ends no connections, and holds here as soon as it is answered. */
export function lifted({ relays, save_problem }) {
  const told = relays.filter(({ problem }) => !problem).map(({ relay }) => name(relay))
  const where = told.length === 0 ? 'Lifted on this relay.' : `Lifted on this relay and on ${told.join(', ')}.`
  const others = relays.filter(({ problem }) => problem).map(({ relay, problem }) => notKnown(relay, problem))
  return [where, ...others, ...notSaved(save_problem)].join(' ')
}

function notKnown(relay, problem) {
  return `${name(relay)}: not known to be done (${name(problem)}).`
}

function notSaved(problem) {
  return problem ? [`It could not be saved: ${name(problem)}.`] : []
}
