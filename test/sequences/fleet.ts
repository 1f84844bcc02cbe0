import { type Client, createClient, type LocalApi, localApi } from '@plexd/protocol'
import { createUnixTransport } from '@plexd/runtime'
import { type AgentProcess, startAgentProcess } from '../../scripts/programs/agent.ts'
import { type Middlebox, startMiddlebox } from '../middlebox/middlebox.ts'
import { followScripted, type ScriptedNode } from '../support/scripted-node.ts'
import { type System, startSystem } from '../support/system.ts'

/** An agent as a program, and what a program on its machine calls it by. */
export interface RealNode {
  readonly nodeId: string
  readonly agent: AgentProcess
  readonly local: Client<LocalApi>
}

/** What was acknowledged to whoever wrote it. */
export interface Acknowledged {
  /** By `target/key`, the target being a node id or a selector. */
  readonly entries: Map<string, number>
  readonly secrets: Map<string, string>
  /** By `node_id/key`. */
  readonly reports: Map<string, number>
  readonly labels: Map<string, string>
  /** By node id, of all nodes there are. */
  readonly hostnames: Map<string, string>
  /** Who may talk to whom, by name; sides are selectors. */
  readonly policies: Map<string, { from: string; to: string }>
}

/** A control plane, agents behind a proxy that can cut them off, and nodes that write down what they are told. */
export interface Fleet extends AsyncDisposable {
  readonly system: System
  readonly proxy: Middlebox
  readonly real: readonly RealNode[]
  readonly scripted: ScriptedNode[]
  readonly acknowledged: Acknowledged
  enrolScripted(): Promise<void>
}

/** The label that selectors ask for, and its values. */
export const roles = ['web', 'db'] as const

export async function startFleet(): Promise<Fleet> {
  await using stack = new AsyncDisposableStack()
  // They rotate more often than is allowed outside of tests.
  const args = ['--limit', 'key_rotations_per_minute=1000000']
  const system = stack.use(await startSystem({ args }))
  const proxy = stack.use(await startMiddlebox(system.folder, system.controlPlane))
  const acknowledged: Acknowledged = {
    entries: new Map(),
    secrets: new Map(),
    reports: new Map(),
    labels: new Map(),
    hostnames: new Map(),
    policies: new Map([['allow-all', { from: '*', to: '*' }]]),
  }
  const note = (nodeId: string, hostname: string, role: string): void => {
    acknowledged.hostnames.set(nodeId, hostname)
    acknowledged.labels.set(`${nodeId}/role`, role)
  }

  const real: RealNode[] = []
  for (const role of roles) {
    const hostname = `real-${role}`
    const token = await system.bootstrapToken({ metadata: { role } })
    const options = { hostname, token, controlPlane: proxy }
    const agent = stack.use(await startAgentProcess(system.folder, options))
    const local = createClient(localApi, createUnixTransport(agent.socket, 5_000))
    const nodeId = (await local.getStatus({})).body.node_id
    note(nodeId, hostname, role)
    real.push({ nodeId, agent, local })
  }

  const opened = stack.move()
  const scripted: ScriptedNode[] = []
  let enrolled = 0
  async function enrolScripted(): Promise<void> {
    const role = roles[enrolled % roles.length] ?? 'web'
    const node = await system.enrol(`scripted-${enrolled++}`, { role })
    note(node.node_id, node.hostname, role)
    scripted.push(opened.use(await followScripted(node)))
  }
  await enrolScripted()

  return {
    system,
    proxy,
    real,
    scripted,
    acknowledged,
    enrolScripted,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}
