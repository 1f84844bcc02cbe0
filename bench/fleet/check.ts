import { setTimeout as delay } from 'node:timers/promises'
import type { Fleet } from './fleet.ts'
import { readTruth } from './truth.ts'
import { faultsOf } from './worker/ledger.ts'

export interface CheckResult {
  faults: string[]
  /** Events in ledgers. */
  events: number
  verified: number
  /** Events that were not sent because a pulled state contains them. */
  coalesced: number
  /** States that were sent whole though nothing of them had moved. */
  needless: number
}

/** Compares each ledger with the log, and each agent's state with the control plane's. */
export async function checkLedgers(fleet: Fleet): Promise<CheckResult> {
  await quiet(fleet)
  const stale = (await fleet.each((worker) => worker.settle())).flat()
  const folds = (await fleet.each((worker) => worker.foldFaults())).flat()
  const { faults, verified } = await fleet.take()
  const compared = await compare(fleet)
  return {
    ...compared,
    verified,
    faults: [
      ...(stale.length === 0
        ? []
        : [`${stale.length} agents are not current: ${stale.slice(0, 5).join(', ')}`]),
      ...folds,
      ...faults,
      ...compared.faults,
    ],
  }
}

/** Waits until a second passes without an event. */
async function quiet(fleet: Fleet): Promise<void> {
  let before = -1
  for (let round = 0; round < 60; round++) {
    const { events } = await fleet.progress()
    if (events === before) return
    before = events
    await delay(1_000)
  }
}

async function compare(fleet: Fleet): Promise<Omit<CheckResult, 'verified'>> {
  const ledgers = (await fleet.each((worker) => worker.ledgers())).flat()
  const truth = await readTruth(
    fleet.plane,
    ledgers.map(({ nodeId }) => nodeId),
  )
  const result: Omit<CheckResult, 'verified'> = {
    faults: [],
    events: 0,
    coalesced: 0,
    needless: 0,
  }
  for (const ledger of ledgers) {
    result.events += ledger.seqs.length
    const addressed = truth.get(ledger.nodeId)
    // An agent that neither pulled nor received an event has no start.
    if (!addressed || ledger.startSeq === -1) continue
    const { lost, strange, outOfTurn, coalesced, needless } = faultsOf(ledger, addressed)
    result.coalesced += coalesced
    result.needless += needless
    if (lost + strange + outOfTurn > 0)
      result.faults.push(
        `${ledger.nodeId}: ${lost} lost, ${strange} strange, ${outOfTurn} out of turn`,
      )
  }
  return result
}
