import type { Bench } from '../bench.ts'
import type { Quantiles } from '../quantiles.ts'
import { addFaults, addLoopDelay, lastOf, p99Of, signingFloor } from './figures.ts'

/** C5: a rule for the whole fleet changes; how long until the last agent has the new rules. */
export const policyChange: Bench = {
  name: 'policy-change',
  targets: ['C5'],
  summary: 'a rule of the whole fleet changes, until the last of all agents has been told',
  topology: 'full',
  async run(context) {
    const size = context.agents ?? (context.quick ? 16 : 1_000)
    const rounds = context.rounds ?? (context.quick ? 1 : 30)
    const fleet = await context.fleet({ agents: size, topology: 'full' })
    const { plane, numbers: among } = fleet
    await fleet.open()
    const measure = async (from: string, firstPort: number): Promise<Quantiles> => {
      const changes: Quantiles[] = []
      for (let port = firstPort; port < firstPort + rounds + warmUp; port++) {
        const change = await fleet.change(
          { type: 'policy_updated', text: `"port":${port},`, among },
          () =>
            fleet.putPolicy([
              { from, to: '*', port, protocol: 'tcp', action: 'deny' },
              { from: '*', to: '*', action: 'allow' },
            ]),
        )
        changes.push(change)
      }
      return lastOf(changes.slice(warmUp))
    }
    await plane.usage()
    const alike = await measure('*', 10_000)
    const usage = await plane.usage()
    const apart = await context.profiled(plane.own, () => measure('role=r1', 20_000))
    await addFaults(context, fleet)
    await fleet.close()
    const bytes = ruleBytes * Math.round(size / 10)
    const floor = await (await context.bare(plane, size))?.broadcasts({ rounds, bytes })
    // None for larger ones: the bytes of a rule from a tenth of the nodes grow with the square of their number.
    const target = size <= 5_000 ? { atMost: size <= 1_000 ? 400 : 2_500 } : undefined
    context.add({
      id: 'C5',
      what: `${size} agents, a rule for all of them, p99`,
      series: { name: 'policy alike', at: size },
      unit: 'ms',
      ...p99Of(alike),
      floor: { what: 'as many signatures', value: signingFloor(size) },
      target,
    })
    context.add({
      id: 'C5',
      what: `${size} agents, a rule from a tenth of them to all, p99`,
      series: { name: 'policy apart', at: size },
      unit: 'ms',
      ...p99Of(apart),
      floor: floor && { what: 'as many bytes by bare node:https', value: floor.p99 },
      target,
    })
    addLoopDelay(context, usage)
  },
}

const warmUp = 2
/** Of one rule between two addresses, as JSON within JSON. */
const ruleBytes = 120
