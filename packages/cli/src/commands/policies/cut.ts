import type { PolicyOutcome } from '@plexd/protocol'

/** What nodes would lose by a change of the policies; empty for nothing. */
export function describeCut(pairs: PolicyOutcome['pairs']): string {
  if (!pairs) return 'the mesh is too large to tell how many pairs of nodes could not talk any more'
  if (pairs.lost === 0) return ''
  const nouns = pairs.lost === 1 ? 'pair' : 'pairs'
  return `${pairs.lost} ${nouns} of nodes that can talk could not any more`
}
