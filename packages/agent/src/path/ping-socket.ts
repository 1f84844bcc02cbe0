import { parseIpv4 } from '@plexd/protocol'
import { loadRawSocket, type RawSocket } from '../process/raw-socket.ts'

/** Sends unfragmented packets of any size into the mesh, and reads the answers. */
export interface PingSocket extends Pick<RawSocket, 'close'> {
  /** False if the kernel refuses, as when a policy denies it. */
  send(message: Uint8Array, to: string): boolean
  /** The packets received since the last call, each with its IP header. */
  read(): Uint8Array[]
}

/**
 * Returns a function that opens such a socket on the interface: one for all peers, where `ping` would be a process for
 * each. The C library is bound at the first call. Rejects if Node has no FFI, and without CAP_NET_RAW.
 */
export function createPingOpener(
  interfaceName: string,
  load = loadPingSocket,
): () => Promise<PingSocket> {
  let loading: ReturnType<typeof load> | undefined
  return async () => {
    loading ??= load().catch((error: unknown) => {
      loading = undefined
      throw error
    })
    return (await loading)(interfaceName)
  }
}

async function loadPingSocket(): Promise<(interfaceName: string) => PingSocket> {
  const openRaw = await loadRawSocket()

  return (interfaceName) => {
    const socket = openRaw(linux.afInet, linux.icmp)
    if (!socket) throw new Error('open a raw socket for ICMP')
    const isReady =
      socket.setOption(linux.solSocket, linux.soBindToDevice, Buffer.from(`${interfaceName}\0`)) &&
      socket.setOption(linux.solIp, linux.ipMtuDiscover, linux.pmtudiscProbe) &&
      socket.setOption(linux.solRaw, linux.icmpFilter, linux.allButEchoReply)
    if (!isReady) {
      socket.close()
      throw new Error(`set up a raw socket for ICMP on "${interfaceName}"`)
    }
    return { ...socket, send: (message, to) => socket.send(message, socketAddress(to)) }
  }
}

const linux = {
  afInet: 2,
  icmp: 1,
  solSocket: 1,
  soBindToDevice: 25,
  solIp: 0,
  ipMtuDiscover: 10,
  /** Sets "do not fragment", and ignores learned path MTUs. */
  pmtudiscProbe: 3,
  solRaw: 255,
  icmpFilter: 1,
  /** A bit for each ICMP type to drop; an echo reply is type 0. */
  allButEchoReply: ~1,
}

/** struct sockaddr_in */
function socketAddress(ip: string): Buffer {
  const address = Buffer.alloc(16)
  address.writeUInt16LE(linux.afInet, 0)
  address.writeUInt32BE(parseIpv4(ip), 4)
  return address
}
