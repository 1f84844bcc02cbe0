/**
 * The mesh part of an agent as a process of its own, told on stdin what it should be: a NodeOrder in each line. Each is
 * answered on stdout by a NodeReport, and so is each correction of what somebody else has changed.
 */
import { createInterface } from 'node:readline'
import {
  createApplier,
  createLinuxDevice,
  createMeshRouting,
  createProblems,
  describeCorrection,
  emptyDesiredState,
} from '@plexd/agent'
import type { Peer } from '@plexd/protocol'
import { createLog, describeError } from '@plexd/runtime'

export interface NodeOrder {
  privateKey: string
  meshIp: string
  peers: Peer[]
  keepaliveSeconds?: number
  /** Whether PSKs wait for the private key of the next order. */
  holdPsks?: boolean
}

export interface NodeReport {
  /** What was done, as in a drift report. */
  corrections: { type: string; detail: string }[]
  ms: number
  /** Instead, what went wrong. */
  error?: string
}

const log = createLog('node', 'warn')
const [interfaceName = 'plexd0', listenPort = '51820'] = process.argv.slice(2)
const meshRanges = ['10.100.0.0/16']
let order: NodeOrder | undefined
let isWatched = false
const device = await createLinuxDevice({
  interfaceName,
  listenPort: Number(listenPort),
  network: () => ({ meshIp: order?.meshIp ?? '', meshRanges, routed: meshRanges }),
  keepaliveSeconds: () => order?.keepaliveSeconds ?? 0,
  log,
})
const routing = createMeshRouting({
  place: () => ({
    meshIp: order?.meshIp ?? '',
    meshRanges,
    pinned: undefined,
    interfaceName,
  }),
  controlAddresses: () => [],
  peers: () => order?.peers ?? [],
})
const desired = {
  current: () => ({ ...emptyDesiredState, peers: order?.peers ?? [] }),
  isMeshLost: () => false,
}
const applier = createApplier({ device, desired, routing, problems: createProblems(), log })

for await (const line of createInterface(process.stdin)) {
  const next: NodeOrder = JSON.parse(line)
  const isNewKey = order?.privateKey !== next.privateKey
  order = next
  if (isNewKey) await device.setPrivateKey(next.privateKey)
  if (next.holdPsks) device.holdPsks()
  await apply(true)
  if (!isWatched) device.watch(() => apply(false), { onRoutes: routing.forget })
  isWatched = true
}

async function apply(isAsked: boolean): Promise<void> {
  const startedMs = performance.now()
  const report: NodeReport = await applier.apply().then(
    (steps) => ({ corrections: steps.map(describeCorrection), ms: performance.now() - startedMs }),
    (error: unknown) => ({ corrections: [], ms: 0, error: describeError(error) }),
  )
  if (isAsked || report.corrections.length > 0) process.stdout.write(`${JSON.stringify(report)}\n`)
}
