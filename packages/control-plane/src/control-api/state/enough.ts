import type { App } from '../../app.ts'

/**
 * The sequence of that revision, of those which a node says it has, with which it needs no answer: the newest, or one
 * that its stream is leading on from right now. While thousands are told of a change, some always ask at that moment,
 * and all that they would be given is what they are about to have. Undefined for none.
 */
export function seqOfEnough(
  { heads, presence }: Pick<App, 'heads' | 'presence'>,
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
