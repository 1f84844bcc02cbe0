import { parseIpv4 } from '@plexd/protocol'
import { loadRawSocket, type RawSocket } from '../process/sockets/raw-socket.ts'

/** Sends unfragmented packets of any size, and reads the answers. */
export interface PingSocket extends Pick<RawSocket, 'close' | 'follow'> {
  /** `hops`: how many hosts may pass it on; the kernel's default otherwise. False if the kernel refuses, as when a policy denies it. */
  send(message: Uint8Array, to: string, hops?: number): boolean
  /** The packets received since the last call, each with its IP header. */
  read(): Uint8Array[]
}

/** What a socket is for. */
export interface PingUse {
  /** Read what hosts on the way say of a packet that they did not pass on, not only replies. */
  errors?: boolean
  /** Send by whatever interface the machine's routes choose, so not through the mesh. */
  outside?: boolean
}

export type OpenPing = (use?: PingUse) => Promise<PingSocket>

/**
 * Returns a function that opens such a socket on the interface: one for all peers, where `ping` would be a process for
 * each. The C library is bound at the first call. Rejects if Node has no FFI, and without CAP_NET_RAW.
 */
export function createPingOpener(interfaceName: string, load = loadPingSocket): OpenPing {
  let loading: ReturnType<typeof load> | undefined
  return async (use = {}) => {
    loading ??= load().catch((error: unknown) => {
      loading = undefined
      throw error
    })
    return (await loading)(interfaceName, use)
  }
}

async function loadPingSocket(): Promise<(interfaceName: string, use: PingUse) => PingSocket> {
  const openRaw = await loadRawSocket()

  return (interfaceName, { errors = false, outside = false }) => {
    const socket = openRaw(linux.afInet, linux.icmp)
    if (!socket) throw new Error('open a raw socket for ICMP: it takes root, or CAP_NET_RAW')
    const { solSocket, soBindToDevice, solIp, ipTtl, ipMtuDiscover, solRaw, icmpFilter } = linux
    const isReady =
      (outside || socket.setOption(solSocket, soBindToDevice, Buffer.from(`${interfaceName}\0`))) &&
      socket.setOption(solIp, ipMtuDiscover, linux.pmtudiscProbe) &&
      socket.setOption(solRaw, icmpFilter, errors ? linux.allButAnswers : linux.allButEchoReply)
    if (!isReady) {
      socket.close()
      throw new Error(`set up a raw socket for ICMP on "${interfaceName}"`)
    }
    return {
      ...socket,
      send: (message, to, hops) =>
        (hops === undefined || socket.setOption(solIp, ipTtl, hops)) &&
        socket.send(message, socketAddress(to)),
    }
  }
}

const linux = {
  afInet: 2,
  icmp: 1,
  solSocket: 1,
  soBindToDevice: 25,
  solIp: 0,
  ipTtl: 2,
  ipMtuDiscover: 10,
  /** Sets "do not fragment", and ignores learned path MTUs. */
  pmtudiscProbe: 3,
  solRaw: 255,
  icmpFilter: 1,
  /** A bit for each ICMP type to drop; an echo reply is type 0. */
  allButEchoReply: ~1,
  /** The same with type 3, destination unreachable, and type 11, time exceeded. */
  allButAnswers: ~(1 | (1 << 3) | (1 << 11)),
}

/** struct sockaddr_in */
function socketAddress(ip: string): Buffer {
  const address = Buffer.alloc(16)
  address.writeUInt16LE(linux.afInet, 0)
  address.writeUInt32BE(parseIpv4(ip), 4)
  return address
}
