import type { App } from '../app.ts'
import { parsePosition } from '../events/event-log.ts'

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
    const position = parsePosition(revision)
    return position?.epoch === heads.epoch ? position.seq : []
  })
  if (seqs.includes(headSeq)) return headSeq
  return seqs.find((seq) => seq < headSeq && presence.isOnTheWay(no, seq))
}
