/** The sequence numbers of the events that one agent received, in their order; 8 bytes for each. */
export class Ledger {
  /** The agent must receive the events after this one; -1 until it has pulled or received anything. */
  startSeq = -1
  /** The last event, or the revision that was pulled since. */
  seq = -1
  readonly seqs: number[] = []
  /** Events that came twice or after a later one. */
  readonly outOfTurn: number[] = []
  /** Pulled instead of sent: everything after `from` up to `to`. */
  readonly pulled: { from: number; to: number }[] = []
  /** States that were sent whole to an agent that had the one of `from`. */
  readonly whole: { from: number; to: number }[] = []

  begin(seq: number): void {
    if (this.startSeq === -1) this.startSeq = seq
    this.seq = Math.max(this.seq, seq)
  }

  take(seq: number): void {
    if (this.startSeq === -1) this.startSeq = seq - 1
    const last = this.seqs.at(-1) ?? -1
    if (seq <= last) {
      this.outOfTurn.push(seq)
      return
    }
    this.seqs.push(seq)
    this.seq = Math.max(this.seq, seq)
  }

  /** A pulled state replaced the events up to it. */
  pull(from: number, to: number): void {
    this.pulled.push({ from, to })
    this.seq = Math.max(this.seq, to)
  }

  page(nodeId: string): LedgerPage {
    const { startSeq, seqs, outOfTurn, pulled, whole } = this
    return { nodeId, startSeq, seqs, outOfTurn, pulled, whole }
  }
}

/** A ledger as it is sent from process to process. */
export interface LedgerPage {
  nodeId: string
  startSeq: number
  seqs: readonly number[]
  outOfTurn: readonly number[]
  pulled: readonly { from: number; to: number }[]
  whole: readonly { from: number; to: number }[]
}

export interface LedgerFaults {
  lost: number
  /** Never addressed to this node. */
  strange: number
  outOfTurn: number
  /** Not sent, but contained in a pulled state. */
  coalesced: number
  /** States that were sent whole though nothing of them had moved. */
  needless: number
}

/** Compares a ledger with the sequences that were addressed to the node, ascending. */
export function faultsOf(page: LedgerPage, addressed: readonly number[]): LedgerFaults {
  const faults = {
    lost: 0,
    strange: 0,
    outOfTurn: page.outOfTurn.length,
    coalesced: 0,
    needless: 0,
  }
  // Events between the opening of its stream and its first pull are contained in the state.
  let at = page.seqs.findIndex((seq) => seq > page.startSeq)
  if (at === -1) at = page.seqs.length
  for (const seq of addressed) {
    if (seq <= page.startSeq) continue
    while ((page.seqs[at] ?? Number.POSITIVE_INFINITY) < seq) {
      at++
      faults.strange++
    }
    if (page.seqs[at] === seq) at++
    else if (page.pulled.some(({ from, to }) => seq > from && seq <= to)) faults.coalesced++
    else faults.lost++
  }
  faults.strange += page.seqs.length - at
  const hasMoved = ({ from, to }: { from: number; to: number }): boolean =>
    addressed.some((seq) => seq > from && seq <= to)
  faults.needless = page.whole.filter((state) => !hasMoved(state)).length
  return faults
}
