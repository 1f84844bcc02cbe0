import { type Client, controlApi, createClient, type LocalApi, localApi } from '@plexd/protocol'
import { createUnixTransport } from '@plexd/runtime'
import type { AgentProcess } from '../../scripts/programs/agent.ts'
import { createRegisters, type Registers } from '../support/registers.ts'
import { followScripted, type ScriptedNode } from '../support/scripted-node.ts'
import { type System, startSystem } from '../support/system.ts'

/** An agent as a process, and what programs on its machine report. */
export interface RealNode {
  agent: AgentProcess
  nodeId: string
  local: Client<LocalApi>
  /** By key. */
  reports: Registers<number | undefined>
}

/** A scripted node, and what it has yet to do. */
export interface BusyNode {
  stream: ScriptedNode
  nodeId: string
  /** By key. */
  reports: Registers<number | undefined>
  /** Executions it was asked for and has not brought the result of. */
  toRun: Set<string>
  /** Those whose acknowledgement may have arrived. */
  answered: Set<string>
  /** Messages of log records that were answered 202. */
  records: Set<string>
}

/** All that runs, and all that was acknowledged to those who wrote. */
export interface World extends AsyncDisposable {
  system: System
  scripted: readonly BusyNode[]
  real: readonly RealNode[]
  /** By `target/key`, the target being a node id or a selector. */
  data: Registers<number | undefined>
  /** By `node_id/label`. */
  labels: Registers<string | undefined>
  /** By `node_id/key`. */
  secrets: Registers<string | undefined>
  /** The port of the one rule, by name. */
  policies: Registers<number | undefined>
  /** The last that was given to a data entry, a secret or a report. */
  versions: Map<string, number>
  tokens: Set<string>
  /** Ids that an operator was given. */
  executions: Set<string>
  /** What was printed by those whose result was acknowledged. */
  results: Map<string, string>
  /** What should never happen: an answer that is neither success nor a 503. */
  faults: string[]
}

export async function createWorld(count: { scripted: number; real: number }): Promise<World> {
  await using stack = new AsyncDisposableStack()
  // Its nodes move without pause, which is nothing that this is about.
  const atWill = ['endpoint_changes=1000000', 'key_rotations_per_minute=1000000']
  const system = stack.use(
    await startSystem({ args: atWill.flatMap((limit) => ['--limit', limit]) }),
  )
  const scripted: BusyNode[] = []
  for (let index = 0; index < count.scripted; index++) {
    const busy = await startScripted(system, `scripted-${index}`)
    stack.use(busy.stream)
    scripted.push(busy)
  }
  const real = await Promise.all(
    Array.from({ length: count.real }, (_, index) => startReal(system, `real-${index}`)),
  )
  const opened = stack.move()
  return {
    system,
    scripted,
    real,
    data: createRegisters(),
    labels: createRegisters(),
    secrets: createRegisters(),
    policies: createRegisters(),
    versions: new Map(),
    tokens: new Set(),
    executions: new Set(),
    results: new Map(),
    faults: [],
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

async function startScripted(system: System, hostname: string): Promise<BusyNode> {
  const node = await system.enrol(hostname, { role: 'web' })
  await node.call(controlApi.putCapabilities, {
    body: { builtin_actions: [{ name: 'system.info', description: '', parameters: [] }] },
  })
  const stream = await followScripted(node)
  const toRun = new Set<string>()
  const answered = new Set<string>()
  stream.onAction((id) => {
    if (!answered.has(id)) toRun.add(id)
  })
  return {
    stream,
    nodeId: node.node_id,
    reports: createRegisters(),
    toRun,
    answered,
    records: new Set(),
  }
}

async function startReal(system: System, hostname: string): Promise<RealNode> {
  const agent = await system.startAgent(hostname, { metadata: { role: 'web' } })
  const { body } = await system.admin.getNode({ params: { node: hostname } })
  const local = createClient(localApi, createUnixTransport(agent.socket, 5_000))
  return { agent, nodeId: body.id, local, reports: createRegisters() }
}
