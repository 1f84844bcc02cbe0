import { parseIpv4 } from '@plexd/protocol'
import { importFfi } from '@plexd/runtime'

/** Sends packets of any size into the mesh, none of them in fragments, and hears what is answered. */
export interface PingSocket {
  /** False when the kernel does not take it, as when a policy denies it. */
  send(message: Uint8Array, to: string): boolean
  /** All that has come since the last call, each with its IP header. */
  read(): Uint8Array[]
  close(): void
}

/**
 * What opens such sockets on an interface: one for all peers, where a `ping` would be a process for each. What it takes
 * is loaded when the first is wanted. Rejects where Node has no FFI, and without CAP_NET_RAW.
 */
export function createPingOpener(
  interfaceName: string,
  load = loadPingSocket,
): () => Promise<PingSocket> {
  let loading: ReturnType<typeof load> | undefined
  return async () => {
    loading ??= load()
    try {
      const open = await loading
      return open(interfaceName)
    } catch (error) {
      loading = undefined
      throw error
    }
  }
}

async function loadPingSocket(): Promise<(interfaceName: string) => PingSocket> {
  const { dlopen } = await importFfi()
  const { functions: libc } = dlopen(null, {
    socket: { arguments: ['int32', 'int32', 'int32'], return: 'int32' },
    setsockopt: { arguments: ['int32', 'int32', 'int32', 'buffer', 'int32'], return: 'int32' },
    sendto: {
      arguments: ['int32', 'buffer', 'uint64', 'int32', 'buffer', 'int32'],
      return: 'int64',
    },
    recv: { arguments: ['int32', 'buffer', 'uint64', 'int32'], return: 'int64' },
    close: { arguments: ['int32'], return: 'int32' },
  })

  return (interfaceName) => {
    const fd = libc.socket(linux.afInet, linux.sockRaw | linux.sockCloexec, linux.icmp)
    if (fd < 0) throw new Error('open a raw socket for ICMP')
    const name = Buffer.from(`${interfaceName}\0`)
    const isReady = [
      libc.setsockopt(fd, linux.solSocket, linux.soBindToDevice, name, name.length),
      libc.setsockopt(fd, linux.solIp, linux.ipMtuDiscover, int32(linux.pmtudiscProbe), 4),
      libc.setsockopt(fd, linux.solRaw, linux.icmpFilter, int32(linux.allButEchoReply), 4),
    ].every((result) => result === 0)
    if (!isReady) {
      libc.close(fd)
      throw new Error(`set up a raw socket for ICMP on "${interfaceName}"`)
    }
    const packet = Buffer.alloc(64 * 1024)

    return {
      send: (message, to) =>
        libc.sendto(
          fd,
          Buffer.from(message),
          BigInt(message.length),
          linux.msgDontwait,
          socketAddress(to),
          16,
        ) >= 0,
      read() {
        const packets: Uint8Array[] = []
        while (packets.length < maxPackets) {
          const bytes = libc.recv(fd, packet, BigInt(packet.length), linux.msgDontwait)
          if (bytes <= 0) break
          packets.push(Buffer.from(packet.subarray(0, Number(bytes))))
        }
        return packets
      },
      close: () => void libc.close(fd),
    }
  }
}

/** So many at a time; what is left then is read the next time. */
const maxPackets = 1_000

const linux = {
  afInet: 2,
  sockRaw: 3,
  sockCloexec: 0o2000000,
  icmp: 1,
  solSocket: 1,
  soBindToDevice: 25,
  solIp: 0,
  ipMtuDiscover: 10,
  /** Sets "do not fragment", and heeds no MTU that was learned. */
  pmtudiscProbe: 3,
  solRaw: 255,
  icmpFilter: 1,
  /** A bit for each type that is not wanted; an echo reply is type 0. */
  allButEchoReply: ~1,
  msgDontwait: 0x40,
}

/** struct sockaddr_in */
function socketAddress(ip: string): Buffer {
  const address = Buffer.alloc(16)
  address.writeUInt16LE(linux.afInet, 0)
  address.writeUInt32BE(parseIpv4(ip), 4)
  return address
}

function int32(value: number): Buffer {
  const buffer = Buffer.alloc(4)
  buffer.writeInt32LE(value)
  return buffer
}
