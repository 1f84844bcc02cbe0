import type { Socket } from 'node:net'
import { importFfi } from '@plexd/runtime'
import { loadAdoptDescriptor } from './adopted-descriptor.ts'

/** A raw socket of Linux, opened through the C library because Node has none. No call blocks. */
export interface RawSocket {
  /** False if the kernel refuses. A number is written as an `int`. */
  setOption(level: number, option: number, value: number | Buffer): boolean
  /** `address` is the `sockaddr` of the family. False if the kernel refuses. */
  bind(address: Buffer): boolean
  /** False if the kernel refuses, as when a policy denies it. */
  send(message: Uint8Array, to: Buffer): boolean
  /** The packets received since the last call, at most 1,000; the rest follows at the next call. */
  read(): Buffer[]
  /** Calls back with each packet as it arrives, and with `overrun` when some were lost, until the socket is closed. */
  follow(onPacket: (packet: Buffer | 'overrun') => void): void
  /** Stops following for a while, or goes on: what comes meanwhile waits in the kernel, as long as that has room. */
  hold(isHeld: boolean): void
  close(): void
}

/** Undefined if the kernel refuses, as without the permission. */
export type OpenRawSocket = (family: number, protocol: number) => RawSocket | undefined

const maxPackets = 1_000

const sockRaw = 3
const sockCloexec = 0o2000000
const sockNonblock = 0o4000
const msgDontwait = 0x40

/** Rejects if Node has no FFI. */
export async function loadRawSocket(): Promise<OpenRawSocket> {
  const { dlopen } = await importFfi()
  const adopt = await loadAdoptDescriptor()
  const { functions: libc } = dlopen(null, {
    socket: { arguments: ['int32', 'int32', 'int32'], return: 'int32' },
    bind: { arguments: ['int32', 'buffer', 'int32'], return: 'int32' },
    setsockopt: { arguments: ['int32', 'int32', 'int32', 'buffer', 'int32'], return: 'int32' },
    sendto: {
      arguments: ['int32', 'buffer', 'uint64', 'int32', 'buffer', 'int32'],
      return: 'int64',
    },
    recv: { arguments: ['int32', 'buffer', 'uint64', 'int32'], return: 'int64' },
    close: { arguments: ['int32'], return: 'int32' },
  })

  return (family, protocol) => {
    const fd = libc.socket(family, sockRaw | sockCloexec | sockNonblock, protocol)
    if (fd < 0) return undefined
    const packet = Buffer.alloc(64 * 1024)
    let reader: Socket | undefined
    let isPaused = false

    function follow(onPacket: (packet: Buffer | 'overrun') => void): void {
      reader = adopt(fd).on('data', onPacket)
      // The kernel reports an overrun as an error, once; the packets after it are still there.
      reader.on('error', () => {
        follow(onPacket)
        onPacket('overrun')
      })
      if (isPaused) reader.pause()
    }

    return {
      setOption(level, option, value) {
        const bytes = typeof value === 'number' ? int32(value) : value
        return libc.setsockopt(fd, level, option, bytes, bytes.length) === 0
      },
      bind: (address) => libc.bind(fd, address, address.length) === 0,
      send(message, to) {
        const bytes = Buffer.from(message)
        return libc.sendto(fd, bytes, BigInt(bytes.length), msgDontwait, to, to.length) >= 0
      },
      read() {
        const packets: Buffer[] = []
        while (packets.length < maxPackets) {
          const bytes = Number(libc.recv(fd, packet, BigInt(packet.length), msgDontwait))
          if (bytes <= 0) break
          packets.push(Buffer.from(packet.subarray(0, bytes)))
        }
        return packets
      },
      follow,
      hold(isHeld) {
        isPaused = isHeld
        if (isHeld) reader?.pause()
        else reader?.resume()
      },
      close() {
        reader?.destroy()
        libc.close(fd)
      },
    }
  }
}

function int32(value: number): Buffer {
  const buffer = Buffer.alloc(4)
  buffer.writeInt32LE(value)
  return buffer
}
