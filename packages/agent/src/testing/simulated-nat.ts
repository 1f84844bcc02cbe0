import type { UdpSocket } from '@plexd/runtime'
import { type Address, decodeStun, encodeStun, formatAddress } from '@plexd/runtime'

/** STUN servers on an internet of objects, and a NAT in front of one port. */
export interface SimulatedInternet {
  /** Addresses on which servers answer, the second of a pair being the other address of the first. */
  servers: readonly { first: Address; second?: Address; changes?: boolean }[]
  /** The public address of a destination's view; the port itself where there is no NAT. */
  map(port: number, to: Address): Address
  /** Whether the NAT lets a datagram from there in, given whom the port has sent to. */
  lets(from: Address, sentTo: readonly Address[]): boolean
}

/** A port behind the NAT. What is sent is answered at once, or never. */
export function createSimulatedSocket(internet: SimulatedInternet, port = 40_000): UdpSocket {
  const sentTo: Address[] = []
  let listener = (_datagram: Buffer, _from: Address): void => {}
  return {
    port,
    async send(datagram, to) {
      sentTo.push(to)
      const answer = answerOf(internet, datagram, to, internet.map(port, to))
      if (answer && internet.lets(answer.from, sentTo)) listener(answer.datagram, answer.from)
    },
    listen(next) {
      listener = next
    },
    async [Symbol.asyncDispose]() {},
  }
}

function answerOf(
  { servers }: SimulatedInternet,
  datagram: Buffer,
  to: Address,
  mapped: Address,
): { datagram: Buffer; from: Address } | undefined {
  const request = decodeStun(datagram)
  for (const { first, second, changes = second !== undefined } of servers) {
    const addresses = [first.address, ...(second ? [second.address] : [])]
    const ports = [first.port, ...(second ? [second.port] : [])]
    if (!request || !addresses.includes(to.address) || !ports.includes(to.port)) continue
    const other = second && {
      address: otherThan(to.address, addresses),
      port: otherThan(to.port, ports),
    }
    const from = {
      address: (changes && request.change?.address && other?.address) || to.address,
      port: (changes && request.change?.port && other?.port) || to.port,
    }
    const { transactionId } = request
    return {
      datagram: encodeStun({ kind: 'success', transactionId, mapped, ...(other && { other }) }),
      from,
    }
  }
  return undefined
}

function otherThan<Item>(item: Item, items: readonly Item[]): Item {
  return items.find((other) => other !== item) ?? item
}

/** Filters of NATs, by what may come in. */
export const filters = {
  open: () => true,
  address: ({ address }: Address, sentTo: readonly Address[]) =>
    sentTo.some((to) => to.address === address),
  port: (from: Address, sentTo: readonly Address[]) =>
    sentTo.some((to) => formatAddress(to) === formatAddress(from)),
  all: () => false,
}
