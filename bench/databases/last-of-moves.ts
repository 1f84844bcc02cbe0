import type { BenchContext } from '../bench.ts'
import { type Fleet, usualLife } from '../fleet/fleet.ts'
import { addFaults, lastOf, moveInTurn } from '../scenarios/figures.ts'

const warmUp = 5

/** Moves one agent after another; how long each move took to the last of the others. The streams are closed then. */
export async function lastOfMoves(context: BenchContext, fleet: Fleet) {
  const rounds = context.rounds ?? (context.quick ? 2 : 60)
  await fleet.open()
  await fleet.live({ ...usualLife, pullMs: 0, endpointMs: 0 })
  const moves = await moveInTurn(fleet, {
    ip: '198.51.100.1',
    port: 20_000,
    isOver: (round) => round >= rounds + warmUp,
  })
  await fleet.rest()
  await addFaults(context, fleet)
  await fleet.close()
  return lastOf(moves.slice(warmUp))
}
