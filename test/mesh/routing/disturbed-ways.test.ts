import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { until } from '@plexd/runtime/testing'
import { createLab, type Host } from '../../../scripts/laboratory/lab.ts'
import { capture } from '../../../scripts/laboratory/probes.ts'
import { labSkip } from '../../../scripts/laboratory/requirements.ts'
import { startMeshSystem } from '../../../scripts/programs/mesh-system.ts'
import { createRandom } from '../../support/random.ts'
import { explained } from '../support/explained.ts'
import { joinAll, kernelState, settle, untilReaches } from '../support/members.ts'

const seed = Number(process.env.PLEXD_WAYS_SEED ?? Date.now() % 1_000_000)
const rounds = Number(process.env.PLEXD_WAYS_ROUNDS ?? 12)

/** What others do to the ways of packets, as shell commands: one does it, the other, if any, ends it. */
const conditions: readonly [Condition, ...Condition[]] = [
  { does: 'ip rule delete lookup 8293' },
  { does: 'ip route flush table 8293' },
  { does: 'ip route delete unreachable 10.100.0.0/16 table 8293' },
  { does: 'ip route delete 10.100.0.0/16 dev plexd0 table 8293' },
  { does: 'ip route add 10.100.0.0/16 dev plexd0' },
  { does: 'ip route add 10.99.0.0/16 dev plexd0 table 8293' },
  { does: 'ip route add throw 10.100.3.0/24 table 8293' },
  { does: 'ip rule add lookup 8293 priority 99' },
  { does: 'ip rule add not fwmark 0xe4/0xffff lookup 8293 priority 41' },
  { does: 'ip address add 10.55.0.1/24 dev plexd0' },
  { does: 'ip link set plexd0 mtu 1280' },
  { does: 'ip link set plexd0 down' },
  { does: 'ip link delete plexd0' },
  { does: 'ip link set plexd0 name strayed' },
  { does: 'wg set plexd0 fwmark 0' },
  { does: 'wg set plexd0 fwmark 77' },
  { does: 'for _ in 1 2 3; do ip rule delete lookup 8293; ip route flush table 8293; done' },
  { does: 'way=$(ip route show default); ip route delete default; ip route add $way' },
  { does: network('10.100.7.1/24'), ends: 'ip link delete br0' },
  { does: network('10.100.7.1/16'), ends: 'ip link delete br0' },
  {
    does: 'ip rule add to 10.0.0.0/8 lookup main priority 5',
    ends: 'ip rule delete priority 5',
  },
]

interface Condition {
  does: string
  ends?: string
}

describe('the routes into the mesh, disturbed at random', { skip: labSkip('tcpdump') }, () => {
  it('are restored after each disturbance, and no packet for the mesh leaves unencrypted', async (t) => {
    t.diagnostic(`PLEXD_WAYS_SEED=${seed}`)
    const random = createRandom(seed)
    await using lab = await createLab()
    await using system = await startMeshSystem(lab)
    const { web, db } = await joinAll(lab, system, ['web', 'db'])
    await untilReaches(web, db)
    await until('it knows where it is', async () =>
      (await web.agent.program().log()).includes('public endpoint found'),
    )
    await settle(web)
    const before = withoutNumbers(await kernelState(web))
    await using clear = await capture(web.host, { on: 'eth0', filter: 'net 10.100.0.0/16' })

    for (let round = 0; round < rounds; round++) {
      const drawn = Array.from({ length: 1 + random.below(3) }, () => random.pick(conditions))
      for (const { does } of drawn) await run(web.host, does)
      for (const { ends } of drawn) if (ends) await run(web.host, ends)
      const what = drawn.map(({ does }) => does).join('; ')
      await explained([web], () =>
        until(
          `all is as it was, after ${what}`,
          // For a moment there may be no interface, or no table.
          async () => withoutNumbers(await kernelState(web).catch(() => '')) === before,
          // A look that hangs is given up after ten seconds, and another one follows.
          30_000,
        ),
      )
      await untilReaches(web, db)
    }
    await until('plexd has no problem, but that it was disturbed so often', async () => {
      const [, problems = 'there is no answer'] = (await web.plexd('status')).split(/^problems:/m)
      return (
        problems.replace(/^ +- interface "plexd0" was put right .*$/m, 'none').trim() === 'none'
      )
    })
    assert.deepEqual(clear.packets(), [])
  })
})

function network(address: string): string {
  return `ip link add br0 type veth peer name br1; ip address add ${address} dev br0; ip link set br0 up; ip link set br1 up`
}

/** Two may be drawn of which one makes the other impossible. */
async function run({ exec }: Host, command: string): Promise<void> {
  await exec(['sh', '-c', `{ ${command}; } 2>/dev/null || :`])
}

/** An interface that was made anew has another number, and a table other handles and generations. */
function withoutNumbers(state: string): string {
  return state
    .replace(/ # handle \d+/g, '')
    .replace(/\b(denied|allowed|decide|rules)_\d+/g, '$1')
    .replace(/\bseal_\S+/g, 'seal')
    .replace(/^\d+: (?=plexd0)/gm, '')
}
