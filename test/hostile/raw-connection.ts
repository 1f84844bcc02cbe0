import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { connect, type TLSSocket } from 'node:tls'
import { readCa } from '@plexd/runtime'
import { until } from '../support/until.ts'

/** A TLS connection on which anything can be said. */
export interface RawConnection extends Disposable {
  write(bytes: string | Uint8Array): void
  /** The same; resolves when it is on its way, or never will be. */
  send(bytes: string | Uint8Array): Promise<void>
  /** All that has come. */
  text(): string
  isOpen(): boolean
  /** Waits for the head of an answer. */
  answered(): Promise<void>
  /** Waits until the other side ends the connection, or the time is over. */
  closed(timeoutMs: number): Promise<boolean>
}

export async function openRaw({
  url,
  caFile,
}: {
  url: string
  caFile: string
}): Promise<RawConnection> {
  const { hostname, port } = new URL(url)
  const socket: TLSSocket = connect({ host: hostname, port: Number(port), ca: readCa(caFile) })
  await once(socket, 'secureConnect')
  let text = ''
  let open = true
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    text += chunk
  })
  // A connection that is reset is one that is closed.
  socket
    .on('error', () => undefined)
    .on('close', () => {
      open = false
    })
  return {
    write: (bytes) => {
      socket.write(bytes)
    },
    send: (bytes) => new Promise((resolve) => socket.write(bytes, () => resolve())),
    text: () => text,
    isOpen: () => open,
    answered: () =>
      until('an answer comes', () => !open || text.includes('\r\n\r\n')).then(() => undefined),
    async closed(timeoutMs) {
      const deadlineMs = performance.now() + timeoutMs
      while (open && performance.now() < deadlineMs) await delay(20)
      return !open
    },
    [Symbol.dispose]: () => socket.destroy(),
  }
}
