import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createLab } from '../../scripts/laboratory/lab.ts'
import { capture, pingAll, untilAllPing } from '../../scripts/laboratory/probes.ts'
import { labSkip } from '../../scripts/laboratory/requirements.ts'
import { type MeshMember, startMeshSystem } from '../../scripts/programs/mesh-system.ts'
import { explained } from './support/explained.ts'
import { joinAll, startTrafficOn } from './support/members.ts'

const teams = {
  red: ['red-1', 'red-2', 'red-3', 'red-4'],
  blue: ['blue-1', 'blue-2', 'blue-3', 'blue-4'],
  green: ['green-1', 'green-2'],
}
const names = Object.values(teams).flat()

/** Red reaches blue on one port, green reaches nobody and is reached by nobody. */
const rules = [
  { from: 'team=red', to: 'team=red', action: 'allow' },
  { from: 'team=blue', to: 'team=blue', action: 'allow' },
  { from: 'team=red', to: 'team=blue', port: 8080, protocol: 'tcp', action: 'allow' },
] as const

describe('ten agents and a control plane that start from nothing', {
  skip: labSkip('tcpdump'),
}, () => {
  it('exchange packets where policy allows it, and nowhere else', async (t) => {
    await using lab = await createLab()
    await using outside = await capture(lab.internet, {
      filter: `ip and not udp port 51820 and not udp port 3478 and not tcp port 8443 and not (icmp and icmp[0] = 3)`,
    })
    await using inside = await capture(lab.internet, { filter: 'udp port 51820' })
    await using system = await startMeshSystem(lab)
    await system.admin.putPolicy({
      params: { name: 'allow-all' },
      body: { name: 'allow-all', rules: [...rules] },
    })
    const startedMs = performance.now()
    const members = Object.values(
      await joinAll(lab, system, names, (name) => ({ metadata: { team: teamOf(name) } })),
    )
    const joinedMs = performance.now()
    for (const member of members)
      await explained(members, () => untilAllPing(member.host, ipsOf(mates(member, members))))
    t.diagnostic(`ten agents enrolled in ${seconds(joinedMs - startedMs)}`)
    t.diagnostic(`all pairs connected ${seconds(performance.now() - joinedMs)} later`)

    const slowestMs = await usesTcp(members)
    t.diagnostic(`the slowest pair had a TCP stream after ${Math.round(slowestMs)} ms`)
    for (const member of members) {
      const strangers = members.filter((other) => teamOf(other.name) !== teamOf(member.name))
      assert.deepEqual(await pingAll(member.host, ipsOf(strangers), 1_000), [], member.name)
      assert.deepEqual(await handshakes(member), expectedHandshakes(member, members), member.name)
    }
    assert.notDeepEqual(inside.packets(), [])
    assert.deepEqual(outside.packets(), [])
  })
})

/** Every pair in both directions; resolves to how long the slowest of the allowed ones took, their handshake included. */
async function usesTcp(members: readonly MeshMember[]): Promise<number> {
  await using stack = new AsyncDisposableStack()
  const running = await Promise.all(
    members.map(async (member) => {
      const traffic = stack.use(await startTrafficOn(member))
      await traffic.listen(member.meshIp, 8080)
      return { member, traffic }
    }),
  )
  const wrong: string[] = []
  let slowestMs = 0
  for (const { member, traffic } of running)
    await Promise.all(
      members
        .filter((other) => other !== member)
        .map(async (other) => {
          const startedMs = performance.now()
          const flow = ['tcp', other.meshIp, 8080] as const
          const mayPass = isAllowed(member, other)
          if (!mayPass) {
            if (!(await traffic.isKeptFrom(...flow))) wrong.push(`${member.name} ${other.name}`)
            return
          }
          await explained([member, other], async () =>
            assert.equal(await traffic.failure(...flow), '', `${member.name} ${other.name}`),
          )
          slowestMs = Math.max(slowestMs, performance.now() - startedMs)
        }),
    )
  assert.deepEqual(wrong, [])
  return slowestMs
}

function isAllowed(from: MeshMember, to: MeshMember): boolean {
  const [one, other] = [teamOf(from.name), teamOf(to.name)]
  if (one === 'green' || other === 'green') return false
  return one === other || (one === 'red' && other === 'blue')
}

/** Only those are peers at all that some rule joins. */
function expectedHandshakes(member: MeshMember, members: readonly MeshMember[]): string[] {
  return ipsOf(members.filter((other) => isAllowed(member, other) || isAllowed(other, member)))
    .filter((meshIp) => meshIp !== member.meshIp)
    .map((meshIp) => `${meshIp}/32`)
    .sort()
}

/** Allowed IPs of the peers that have shaken hands; throws when one has not. */
async function handshakes({ host, name }: MeshMember): Promise<string[]> {
  const lines = (await host.exec(['wg', 'show', 'plexd0', 'dump'])).trim().split('\n').slice(1)
  return lines
    .map((line) => {
      const [, , , allowedIps = '', handshake] = line.split('\t')
      assert.notEqual(handshake, '0', `${name} with ${allowedIps}`)
      return allowedIps
    })
    .sort()
}

function mates(member: MeshMember, members: readonly MeshMember[]): MeshMember[] {
  const team = teamOf(member.name)
  if (team === 'green') return []
  return members.filter((other) => other !== member && teamOf(other.name) === team)
}

function teamOf(name: string): string {
  return name.replace(/-\d$/, '')
}

function ipsOf(members: readonly MeshMember[]): string[] {
  return members.map(({ meshIp }) => meshIp)
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`
}
