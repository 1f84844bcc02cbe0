/**
 * `<epoch>-<sequence>-<life>`: the SSE id of an event, and the revision of a desired state. Sequences are reused
 * after a backup is restored; the life, a run of the control plane, is then a different one.
 */
export interface Position {
  epoch: string
  seq: number
  life: string
  /** Whether a client at this position has everything before it; otherwise it is only a stream cursor, not a revision. */
  isRevision: boolean
}

export function formatPosition({ epoch, seq, life }: Omit<Position, 'isRevision'>): string {
  return `${epoch}-${seq}-${life}`
}

/** Undefined for an invalid position. */
export function parsePosition(text: string): Position | undefined {
  const [, epoch, seq, life, mark] =
    /^([a-z0-9]{1,32})-(\d{1,15})-([a-z0-9]{1,32})(-c)?$/.exec(text) ?? []
  if (epoch === undefined || life === undefined) return undefined
  return { epoch, seq: Number(seq), life, isRevision: mark === undefined }
}

/** The same block for a node that has not shown its earlier state yet: the id is then only a cursor. */
export function asCursorOnly(block: string): string {
  const end = block.indexOf('\n')
  return `${block.slice(0, end)}-c${block.slice(end)}`
}

export function newLifeId(): string {
  return crypto.randomUUID().replaceAll('-', '').slice(0, 12)
}

/** Of a new log, or one that has gone another way: positions of another epoch are not mistaken for its own. */
export function newEpoch(nowMs: number): string {
  return nowMs.toString(36) + crypto.randomUUID().slice(0, 4)
}
