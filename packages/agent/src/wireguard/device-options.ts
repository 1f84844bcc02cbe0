import type { Clock, Exec, Log } from '@plexd/runtime'
import type { WantedInterface } from './interface/interface-plan.ts'
import { standardMtu } from './interface/link.ts'

/** The mesh-wide settings for this node. */
export interface MeshNetwork {
  /** Its mesh address. */
  meshIp: string
  /** All ranges (CIDR). */
  meshRanges: readonly string[]
  /** The ranges routed into the mesh on this machine. */
  routed: readonly string[]
}

export interface LinuxDeviceOptions {
  interfaceName: string
  /** 0 for any. */
  listenPort: number
  mtu?: number
  /** A function, because a new node learns it late, and it changes. */
  network(): MeshNetwork
  /** 0 for none. A function, because it depends on the NAT this node is found to be behind. */
  keepaliveSeconds(): number
  /** For files that need not outlive the interface. */
  runDir?: string
  /** The folder of wireguard-go's sockets. */
  uapiDir?: string
  exec?: Exec
  clock?: Clock
  log: Log
}

/** The interface as these settings want it now. Throws while there is no private key. */
export function wantedInterface(options: LinuxDeviceOptions, privateKey: string): WantedInterface {
  if (privateKey === '') throw new Error('the interface has no private key yet')
  const { interfaceName, listenPort, mtu = standardMtu } = options
  const { meshIp, routed } = options.network()
  return {
    name: interfaceName,
    privateKey,
    listenPort,
    keepaliveSeconds: options.keepaliveSeconds(),
    link: { mtu, address: `${meshIp}/32`, routes: routed },
  }
}
