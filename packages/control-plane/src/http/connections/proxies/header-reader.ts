import type { Socket } from 'node:net'
import { type HeaderFault, headerFaults, type Peer, readProxyHeader } from './proxy-header.ts'

export interface HeaderReader {
  /** In which the whole header has to come. */
  patienceMs: number
  /** Its header has been read, and not one byte of what follows it. */
  onHeader(peer: Peer | undefined, header: Buffer): void
  /** It begins like no header, and has still all that it began with; without this that is a fault. */
  onOther?(): void
  /** It has none; it is to be closed. */
  onFault(why: HeaderFault): void
}

/**
 * Reads the header of a connection. One that is closed before its first byte has no fault: so balancers look whether a port is open.
 */
export function takeProxyHeader(socket: Socket, reader: HeaderReader): void {
  let seen: Buffer = Buffer.alloc(0)
  const timer = setTimeout(fail, reader.patienceMs, headerFaults.late)

  function letGo(): void {
    clearTimeout(timer)
    socket.off('readable', look).off('end', onEnd).off('close', letGo).off('error', ignore)
  }

  function fail(why: HeaderFault): void {
    letGo()
    reader.onFault(why)
  }

  function finish(peer: Peer | undefined): void {
    letGo()
    reader.onHeader(peer, seen)
  }

  function giveBack(then: () => void): void {
    letGo()
    socket.unshift(seen)
    then()
  }

  /** Never takes more from the socket than the header wants. */
  function look(): void {
    let header = readProxyHeader(seen)
    while (header.kind === 'begun') {
      const bytes: Buffer | null = socket.read(Math.min(header.more, socket.readableLength))
      if (bytes === null) return
      seen = Buffer.concat([seen, bytes])
      header = readProxyHeader(seen)
    }
    if (header.kind === 'header') finish(header.peer)
    else if (reader.onOther && isOther(header.why)) giveBack(reader.onOther)
    else fail(header.why)
  }

  function onEnd(): void {
    if (seen.length === 0) socket.destroy()
    else fail(headerFaults.half)
  }

  socket.on('readable', look).on('end', onEnd).on('close', letGo).on('error', ignore)
}

/** Whether it is one of what does not begin like a header of version 2. */
function isOther(why: HeaderFault): boolean {
  return [headerFaults.tls, headerFaults.v1, headerFaults.other].some((fault) => fault === why)
}

/** Whoever breaks off while we wait is not an error. */
function ignore(): void {}
