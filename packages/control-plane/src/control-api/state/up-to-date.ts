import type { Delivery, NodeMemory } from '../../app.ts'

/**
 * The sequence of the revision, among those a node names, that needs no full answer: either the newest, or one
 * from which the node's open stream continues right now. While a change is sent to thousands, some always pull at that
 * moment, and would get only what is already on its way to them. Undefined if there is none.
 */
export function upToDateSeq(
  { heads, presence }: Delivery & NodeMemory,
  no: number,
  revisions: readonly string[],
): number | undefined {
  const headSeq = heads.of(no)
  const seqs = revisions.flatMap((revision) => {
    const { seq, isRevision } = heads.find(revision)
    return isRevision ? seq : []
  })
  if (seqs.length > 0) presence.named(no)
  if (presence.owesPull(no)) return undefined
  if (seqs.includes(headSeq)) return headSeq
  return seqs.find((seq) => seq < headSeq && presence.isOnTheWay(no, seq))
}
