import type { ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { generatePrivateKey, publicKeyOf } from '@plexd/agent'
import type { Peer } from '@plexd/protocol'
import type { Host } from '../../../scripts/laboratory/lab.ts'
import { kill } from '../../../scripts/laboratory/namespace.ts'
import type { NodeOrder, NodeReport } from './node-process.ts'

/** A host that is a node of a mesh: real interface, real process, and a test for its control plane. */
export interface MeshNode {
  readonly id: string
  readonly host: Host
  readonly meshIp: string
  readonly publicKey: string
  /** Those that it was ordered to have. */
  readonly peers: readonly Peer[]
  /** Has the process bring the interface to this; starts it where it does not run. */
  order(changes: Partial<NodeOrder>): Promise<NodeReport>
  /** The next correction that nobody ordered. */
  nextReport(): Promise<NodeReport>
  /** `kill -9` */
  killProcess(): Promise<void>
  /** A peer as another node is told of it. */
  asPeer(changes?: Partial<Peer>): Peer
}

/** A correction takes a fraction of a second, also on a busy machine. */
const longestMs = 60_000

async function withinAMinute<T>(
  id: string,
  report: Promise<T> | undefined,
): Promise<T | undefined> {
  const late = delay(longestMs, undefined, { ref: false }).then(() => {
    throw new Error(`node "${id}": no report in ${longestMs / 1_000} s`)
  })
  return Promise.race([report, late])
}

const program = join(import.meta.dirname, 'node-process.ts')
const listenPort = 51_820

export function createMeshNode(id: string, host: Host, meshIp: string): MeshNode {
  let order: NodeOrder = { privateKey: generatePrivateKey(), meshIp, peers: [] }
  let process_: { child: ChildProcess; reports: AsyncIterator<string> } | undefined

  function start(): NonNullable<typeof process_> {
    const child = host.spawn([process.execPath, program, 'plexd0', `${listenPort}`])
    child.stderr?.pipe(process.stderr)
    if (!child.stdout) throw new Error('the process has no output')
    return { child, reports: createInterface(child.stdout)[Symbol.asyncIterator]() }
  }

  async function nextReport(): Promise<NodeReport> {
    const { value } = (await withinAMinute(id, process_?.reports.next())) ?? {}
    if (value === undefined) throw new Error(`node "${id}": its process has ended`)
    return JSON.parse(value)
  }

  return {
    id,
    host,
    meshIp,
    get publicKey() {
      return publicKeyOf(order.privateKey)
    },
    get peers() {
      return order.peers
    },
    async order(changes) {
      order = { ...order, ...changes }
      process_ ??= start()
      process_.child.stdin?.write(`${JSON.stringify(order)}\n`)
      const report = await nextReport()
      if (report.error !== undefined) throw new Error(`node "${id}": ${report.error}`)
      return report
    },
    nextReport,
    async killProcess() {
      if (process_) await kill(process_.child)
      process_ = undefined
    },
    asPeer: (changes = {}) => ({
      id,
      public_key: publicKeyOf(order.privateKey),
      mesh_ip: meshIp,
      endpoint: `${host.address}:${listenPort}`,
      allowed_ips: [`${meshIp}/32`],
      psk: '',
      ...changes,
    }),
  }
}

/** Introduces each node to all others, with a PSK for each pair. */
export async function introduce(nodes: readonly MeshNode[]): Promise<NodeReport[]> {
  const psks = new Map<string, string>()
  const pskOf = (one: MeshNode, other: MeshNode): string => {
    const pair = [one.id, other.id].sort().join()
    const psk = psks.get(pair) ?? randomBytes(32).toString('base64')
    psks.set(pair, psk)
    return psk
  }
  return Promise.all(
    nodes.map((node) =>
      node.order({
        peers: nodes
          .filter((other) => other !== node)
          .map((other) => other.asPeer({ psk: pskOf(node, other) })),
      }),
    ),
  )
}
