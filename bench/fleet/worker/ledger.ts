/** What one agent was sent, in the order it came: sequences of events only, 8 bytes for each. */
export class Ledger {
  /** Events behind this one are owed; -1 until the agent knows where it begins. */
  startSeq = -1
  /** The last event it has, or the revision that it pulled since. */
  seq = -1
  readonly seqs: number[] = []
  /** Events that came again or behind a later one. */
  readonly outOfTurn: number[] = []
  /** Pulled instead of sent: everything behind `from` up to `to`. */
  readonly pulled: { from: number; to: number }[] = []

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

  /** The state of a revision has taken the place of what was before it. */
  pull(from: number, to: number): void {
    this.pulled.push({ from, to })
    this.seq = Math.max(this.seq, to)
  }

  page(nodeId: string): LedgerPage {
    const { startSeq, seqs, outOfTurn, pulled } = this
    return { nodeId, startSeq, seqs, outOfTurn, pulled }
  }
}

/** What a ledger says, as it goes from process to process. */
export interface LedgerPage {
  nodeId: string
  startSeq: number
  seqs: readonly number[]
  outOfTurn: readonly number[]
  pulled: readonly { from: number; to: number }[]
}

export interface LedgerFaults {
  lost: number
  /** Never addressed to it. */
  strange: number
  outOfTurn: number
  /** Not sent, but in a state that was pulled. */
  coalesced: number
}

/** Compares a ledger with the sequences that were addressed to the node, ascending. */
export function faultsOf(page: LedgerPage, addressed: readonly number[]): LedgerFaults {
  const faults = { lost: 0, strange: 0, outOfTurn: page.outOfTurn.length, coalesced: 0 }
  // Its stream was open before its first pull was answered: what came of that time is in the state.
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
  return faults
}
