// What has become of an order, here and on the linked relays, in words.

import { name, several } from './text.js'

/** Of an answer with `connections` and `relays`, as those to a disconnect, a revocation and a lift are. */
export function outcome({ connections, relays, is_saved, save_problem }, what = 'connection') {
  const parts = [connections === null ? 'Not all shards of this relay have answered.' : `${several(connections, what)} here.`]
  for (const { relay, connections: there, problem } of relays ?? []) {
    parts.push(problem ? `${name(relay)}: not known to be done (${name(problem)}).` : `${several(there ?? 0, what)} on ${name(relay)}.`)
  }
  if (save_problem) parts.push(`It could not be saved: ${name(save_problem)}.`)
  else if (is_saved === null) parts.push('It does not outlive a restart of this relay: there is no revocations_file.')
  return parts.join(' ')
}
