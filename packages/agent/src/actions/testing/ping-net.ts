import type { PingSocket } from '../../path/ping-socket.ts'

/** What stands at the end of so many hops: `answer` is of ICMP, `from` the host that gives it. */
export interface FakeAnswer {
  kind: 'reply' | 'exceeded' | 'unreachable'
  from: string
}

/** A network in memory: `answer` says who answers a request with so many hops; undefined: nobody. `refused`: the kernel. */
export function createPingNet(
  answer: (hops: number, count: number) => FakeAnswer | 'refused' | undefined,
): PingSocket & { sent: number; closed: boolean } {
  let onPacket: (packet: Buffer | 'overrun') => void = () => {}
  const net = {
    sent: 0,
    closed: false,
    send(message: Uint8Array, _to: string, hops = 64) {
      const answered = answer(hops, ++net.sent)
      if (answered === 'refused') return false
      if (answered) queueMicrotask(() => onPacket(packetOf(answered, Buffer.from(message))))
      return true
    },
    read: () => [],
    follow(listener: typeof onPacket) {
      onPacket = listener
    },
    close() {
      net.closed = true
    },
  }
  return net
}

const types = { reply: 0, exceeded: 11, unreachable: 3 }

function packetOf({ kind, from }: FakeAnswer, request: Buffer): Buffer {
  const message =
    kind === 'reply'
      ? Buffer.from(request)
      : Buffer.concat([Buffer.alloc(8), ipOf(''), request.subarray(0, 8)])
  message.writeUInt8(types[kind], 0)
  return Buffer.concat([ipOf(from), message])
}

function ipOf(from: string): Buffer {
  const header = Buffer.alloc(20)
  header.writeUInt8(0x45, 0)
  header.set(from === '' ? [] : from.split('.').map(Number), 12)
  return header
}
