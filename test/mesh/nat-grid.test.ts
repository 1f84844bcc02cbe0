import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { until } from '@plexd/runtime/testing'
import { createLab, type Host, type Lab } from '../../scripts/laboratory/lab.ts'
import { pingAll } from '../../scripts/laboratory/probes.ts'
import { labSkip } from '../../scripts/laboratory/requirements.ts'
import {
  type MeshMember,
  type MeshSystem,
  startMeshSystem,
} from '../../scripts/programs/mesh-system.ts'

const kinds = ['none', 'full_cone', 'restricted', 'port_restricted', 'symmetric'] as const
type Kind = (typeof kinds)[number]

/** WireGuard alone crosses all pairs but these: a port that nobody could foresee meets one that lets in no other. */
const uncrossed = new Set([
  'port_restricted symmetric',
  'symmetric port_restricted',
  'symmetric symmetric',
])

describe('agents behind NATs', { skip: labSkip('turnserver') }, () => {
  it('reach each other directly in 22 of 25 pairs, and report the other three with the reason', async (t) => {
    await using lab = await createLab()
    const { addresses } = await lab.stunServer()
    await using system = await startMeshSystem(lab)
    const config = `nat_traversal: { stun_servers: ["${addresses.join('", "')}"] }\n`
    const [lefts, rights] = await Promise.all(
      ['left', 'right'].map((side) => joinSide(side, { lab, system, config })),
    )
    if (!lefts || !rights) throw new Error('no members')
    const pairs = kinds.flatMap((left) => kinds.map((right) => [left, right] as const))
    const expected = pairs.filter((pair) => !uncrossed.has(pair.join(' ')))

    const startedMs = performance.now()
    const direct = new Map<string, number>()
    await until(
      `${expected.length} pairs are direct`,
      async () => {
        for (const left of kinds) {
          const answered = await pingAll(lefts[left].host, ipsOf(rights), 500)
          for (const right of kinds)
            if (answered.includes(rights[right].meshIp) && !direct.has(`${left} ${right}`))
              direct.set(`${left} ${right}`, performance.now() - startedMs)
        }
        return expected.every((pair) => direct.has(pair.join(' ')))
      },
      60_000,
    ).catch((error: unknown) => {
      throw new Error(`direct are ${[...direct.keys()].join(', ')}`, { cause: error })
    })
    const slowest = Math.max(...direct.values())
    t.diagnostic(
      `${direct.size} of ${pairs.length} pairs direct, the last of them ${(slowest / 1_000).toFixed(1)} s after all had enrolled`,
    )
    await delay(2_000)
    assert.equal(direct.size, 22)

    for (const pair of uncrossed) {
      const [left, right] = pair.split(' ') as [Kind, Kind] // as written above
      await assertNamed(lefts[left], rights[right], [left, right])
      await assertNamed(rights[right], lefts[left], [right, left])
    }
  })
})

/** A host of each kind; those with a NAT are behind a router of their own. */
async function joinSide(
  side: string,
  { lab, system, config }: { lab: Lab; system: MeshSystem; config: string },
): Promise<Record<Kind, MeshMember>> {
  const members = await Promise.all(
    kinds.map(async (kind) => {
      const name = `${side}-${kind.replace('_', '-')}`
      return [kind, await system.join(name, await hostBehind(lab, kind, name), { config })] as const
    }),
  )
  return Object.fromEntries(members) as Record<Kind, MeshMember> // one for each kind
}

async function hostBehind(lab: Lab, kind: Kind, name: string): Promise<Host> {
  if (kind === 'none') return lab.host(name)
  return lab.host(name, { behind: await lab.router(`nat-${name}`, kind) })
}

/** What plexd peers says of the other. */
async function assertNamed(
  from: MeshMember,
  to: MeshMember,
  [own, other]: [Kind, Kind],
): Promise<void> {
  const peer = (await from.peers()).find(({ id }) => id === to.nodeId)
  assert.equal(peer?.state, 'unanswered', `${own} with ${other}`)
  assert.equal(
    peer?.reason,
    `no answer: its NAT is ${other} and ours ${own}: WireGuard alone cannot cross this pair, one side needs a public endpoint`,
  )
  assert.match(await from.plexd('peers'), new RegExp(`its NAT is ${other} and ours ${own}`))
}

function ipsOf(members: Record<Kind, MeshMember>): string[] {
  return Object.values(members).map(({ meshIp }) => meshIp)
}
