import { mkdir } from 'node:fs/promises'
import { startTraffic, type Traffic } from '@plexd/agent/testing'
import type { PolicyRule } from '@plexd/protocol'
import { createLab, type Host, type Lab } from '../../scripts/laboratory/lab.ts'
import { type Capture, capture } from '../../scripts/laboratory/probes.ts'
import {
  type MeshMember,
  type MeshSystem,
  startMeshSystem,
} from '../../scripts/programs/mesh-system.ts'

/** Three nodes, one behind a NAT, with what watches them. */
export interface World extends AsyncDisposable {
  readonly lab: Lab
  readonly system: MeshSystem
  readonly members: readonly Watched[]
  setRules(more?: readonly PolicyRule[]): Promise<void>
}

export interface Watched extends MeshMember {
  readonly traffic: Traffic
  /** Packets on its cable that carry a mesh address in clear. */
  readonly clear: Capture
}

export const names = ['web', 'db', 'home'] as const
export const memberLabels = { role: 'member' }
/** Between members; closed to all others. */
export const openPort = 8080
/** Where each listens, and no rule ever lets anybody in. */
export const deniedPort = 9090
/** Opened and closed again by a change of the policy. */
export const changingPort = 7070

/** What the agent takes for its temporary folder, a disk of its own with little room. */
export const temporaryFolder = '/run/small-tmp'

const rules: readonly PolicyRule[] = [
  { from: '*', to: '*', protocol: 'icmp', action: 'allow' },
  { ...allowed(openPort), from: 'role=member', to: 'role=member' },
]

export function allowed(port: number): PolicyRule {
  return { from: '*', to: '*', protocol: 'tcp', port, action: 'allow' }
}

export async function startWorld(): Promise<World> {
  await using opening = new AsyncDisposableStack()
  const lab = opening.use(await createLab())
  const system = opening.use(await startMeshSystem(lab))
  const setRules = async (more: readonly PolicyRule[] = []): Promise<void> => {
    const name = 'allow-all'
    await system.admin.putPolicy({ params: { name }, body: { name, rules: [...rules, ...more] } })
  }
  await setRules()
  const members = await Promise.all(
    names.map(async (name) => {
      const host = await hostFor(lab, name)
      const member = await system.join(name, await withSmallTemporary(host), {
        metadata: memberLabels,
        config: 'reconcile: { interval: 5s }\nheartbeat: { interval: 2s }',
        env: { TMPDIR: temporaryFolder },
      })
      const traffic = opening.use(await startTraffic({ enter: host.prefix }))
      for (const port of [openPort, deniedPort, changingPort]) await traffic.listen('0.0.0.0', port)
      const filter = 'net 10.100.0.0/16'
      return { ...member, traffic, clear: opening.use(await capture(host, { on: 'eth0', filter })) }
    }),
  )
  const opened = opening.move()
  return { lab, system, members, setRules, [Symbol.asyncDispose]: () => opened.disposeAsync() }
}

async function hostFor(lab: Lab, name: (typeof names)[number]): Promise<Host> {
  if (name !== 'home') return lab.host(name)
  return lab.host(name, { behind: await lab.router('router', 'port_restricted') })
}

async function withSmallTemporary(host: Host): Promise<Host> {
  await mkdir(host.runDir + temporaryFolder.replace('/run', ''))
  const mount = `mount -t tmpfs -o size=256k tmpfs ${temporaryFolder} && exec "$@"`
  return { ...host, prefix: [...host.prefix, 'sh', '-c', mount, 'sh'] }
}
