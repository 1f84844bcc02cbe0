import type { PolicyRule } from '@plexd/protocol'
import type { Bench } from '../bench.ts'
import { measureBroadcasts } from '../floor/bare-fleet.ts'
import { quantiles } from '../quantiles.ts'
import { addFaults, signingFloor } from './figures.ts'

/** C5: a rule for the whole fleet changes; how long until the last agent has the new rules. */
export const policyChange: Bench = {
  name: 'policy-change',
  targets: ['C5'],
  summary: 'a rule of the whole fleet changes, until the last of all agents has been told',
  async run(context) {
    const size = context.agents ?? (context.quick ? 60 : 1_000)
    const rounds = context.rounds ?? (context.quick ? 3 : 30)
    const fleet = await context.fleet({ agents: size, topology: 'full' })
    await fleet.open()
    const among = fleet.identities.map(({ index }) => index)
    const rules = (port: number, side: string): PolicyRule[] => [
      { from: side, to: '*', port, protocol: 'tcp', action: 'deny' },
      { from: '*', to: '*', action: 'allow' },
    ]
    const measure = async (side: string, from: number): Promise<number[]> => {
      const lasts: number[] = []
      for (let round = 0; round < rounds + warmUp; round++) {
        const port = from + round
        const { lastMs } = await fleet.change(
          { type: 'policy_updated', text: `"port":${port},`, among },
          () => fleet.putPolicy(rules(port, side)),
        )
        if (round >= warmUp) lasts.push(lastMs)
      }
      return lasts
    }
    await fleet.plane.usage()
    const alike = quantiles(await measure('*', 10_000))
    const usage = await fleet.plane.usage()
    const apart = quantiles(await context.profiled(fleet.plane, () => measure('role=r1', 20_000)))
    await addFaults(context, fleet)
    await fleet.close()
    const bytes = ruleBytes * Math.round(size / 10)
    const floor = fleet.plane.own
      ? await measureBroadcasts(fleet.plane, { agents: size, rounds, bytes })
      : undefined
    // Beyond that there is none: the bytes of a rule from a tenth of the nodes grow with the square of their number.
    const target = size <= 5_000 ? { target: { atMost: size <= 1_000 ? 400 : 2_500 } } : {}
    context.add({
      id: 'C5',
      what: `${size} agents, a rule for all of them, p99`,
      series: { name: 'policy alike', at: size },
      unit: 'ms',
      value: alike.p99,
      low: alike.median,
      high: alike.max,
      rounds,
      floor: { what: 'as many signatures', value: signingFloor(size) },
      ...target,
    })
    context.add({
      id: 'C5',
      what: `${size} agents, a rule from a tenth of them to all, p99`,
      series: { name: 'policy apart', at: size },
      unit: 'ms',
      value: apart.p99,
      low: apart.median,
      high: apart.max,
      rounds,
      ...(floor ? { floor: { what: 'as many bytes by bare node:https', value: floor.p99 } } : {}),
      ...target,
    })
    context.add({ what: 'delay of the event loop, p99', unit: 'ms', value: usage.loopP99Ms })
  },
}

const warmUp = 2
/** Of one rule between two addresses, as JSON within JSON. */
const ruleBytes = 120
