import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import {
  createApplier,
  createLinuxDevice,
  createProblems,
  emptyDesiredState,
  generatePrivateKey,
  publicKeyOf,
} from '@plexd/agent'
import type { Peer } from '@plexd/protocol'
import { silentLog } from '@plexd/runtime'
import type { BenchContext } from '../bench.ts'

type Device = Awaited<ReturnType<typeof createLinuxDevice>>
type Steps = Awaited<ReturnType<ReturnType<typeof createApplier>['apply']>>

/** The mesh interface with the peers that it is to have. */
export interface MeshDevice extends AsyncDisposable {
  readonly device: Device
  peers: readonly Peer[]
  /** As a reconciliation does; resolves to what it had to change. */
  apply(): Promise<Steps>
}

export interface MeshDeviceState {
  privateKey: string
  peers: readonly Peer[]
}

export async function openMeshDevice({ privateKey, peers }: MeshDeviceState): Promise<MeshDevice> {
  const device = await createLinuxDevice({
    interfaceName: 'plexd0',
    listenPort: 51_820,
    network: () => ({
      meshIp: '10.100.255.254',
      meshRanges: ['10.100.0.0/16'],
      routed: ['10.100.0.0/16'],
    }),
    keepaliveSeconds: () => 0,
    log: silentLog,
  })
  await device.setPrivateKey(privateKey)
  const desired = {
    current: () => ({ ...emptyDesiredState, peers: [...mesh.peers] }),
    isMeshLost: () => false,
  }
  const applier = createApplier({ device, desired, problems: createProblems(), log: silentLog })
  const mesh: MeshDevice = {
    device,
    peers,
    apply: () => applier.apply(),
    [Symbol.asyncDispose]: () => device[Symbol.asyncDispose](),
  }
  return mesh
}

/** How many peers a bench of the agent has. */
export function peerCountOf({ agents, quick }: Pick<BenchContext, 'agents' | 'quick'>): number {
  return agents ?? (quick ? 16 : 1_000)
}

export function makePeers(count: number): Peer[] {
  return Array.from({ length: count }, (_, index) => {
    const mesh_ip = `10.100.${index >> 8}.${index & 255}`
    return {
      id: `n_${index}`,
      public_key: publicKeyOf(generatePrivateKey()),
      mesh_ip,
      endpoint: `203.0.113.${(index % 250) + 1}:51820`,
      allowed_ips: [`${mesh_ip}/32`],
      psk: randomBytes(32).toString('base64'),
    }
  })
}

/** One request to wireguard-go, whose answer is read but not parsed: the floor of what a device does. */
export function askWireguardGo(request: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const socket = connect({ path: '/var/run/wireguard/plexd0.sock', allowHalfOpen: true })
  socket.on('error', reject).on('end', resolve).resume().end(request)
  return promise
}

/** The request that adds these peers. */
export function additionOf(peers: readonly Peer[]): string {
  const hex = (key: string): string => Buffer.from(key, 'base64').toString('hex')
  const lines = peers.map(
    ({ public_key, psk, endpoint, allowed_ips: [cidr] }) =>
      `public_key=${hex(public_key)}\npreshared_key=${hex(psk)}\nendpoint=${endpoint}\nallowed_ip=${cidr}\n`,
  )
  return `set=1\n${lines.join('')}\n`
}

export async function timeOf(run: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now()
  await run()
  return performance.now() - startedMs
}
