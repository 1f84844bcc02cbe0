import { generateKeyPairSync, sign } from 'node:crypto'
import type { BenchContext } from '../bench.ts'
import { checkLedgers } from '../fleet/check.ts'
import type { Fleet } from '../fleet/fleet.ts'

/** Checks the ledgers, and says what came of it. */
export async function addFaults(context: BenchContext, fleet: Fleet): Promise<void> {
  const { faults, events, verified, coalesced } = await checkLedgers(fleet)
  for (const fault of faults) context.fault(fault)
  const pulled = coalesced > 0 ? `, ${coalesced} more in states that were pulled instead` : ''
  context.note(`${events} events in ledgers${pulled}; ${verified} signatures verified`)
}

/** Milliseconds in which one core makes as many signatures. */
export function signingFloor(count: number): number {
  const { privateKey } = generateKeyPairSync('ed25519')
  const text = Buffer.alloc(700, 'x')
  const rounds = 500
  const startMs = performance.now()
  for (let round = 0; round < rounds; round++) sign(null, text, privateKey)
  return ((performance.now() - startMs) / rounds) * count
}
