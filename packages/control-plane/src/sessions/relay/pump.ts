import type { Half } from './half.ts'

/** More than this is not queued for a slow reader, but for one message and what one read of the socket brings. */
const fullBytes = 128 * 1024
/** Before the queue is empty, so that a fast reader does not wait. */
const nearlyEmptyBytes = 64 * 1024
/** Many small messages are sent as one: a frame each would cost more memory and time than what is in it. */
const gatheredBytes = 32 * 1024
const gatheredMessages = 256

export interface Pump {
  /** Sends what is gathered. */
  flush(): void
  bytes(): number
}

/** Copies what comes from one side to the other, no faster than that side reads. `onBytes` hears of every message. */
export function startPump(
  from: Half,
  to: Half,
  options: { maxMessageBytes: number; onBytes(count: number): void },
): Pump {
  let bytes = 0
  let gathered: Buffer[] = []
  let gatheredLength = 0
  let isPaused = false
  let timer: NodeJS.Immediate | undefined

  function onWritten(): void {
    if (!isPaused || to.queuedBytes() > nearlyEmptyBytes) return
    isPaused = false
    from.resume()
  }

  function flush(): void {
    clearImmediate(timer)
    timer = undefined
    if (gathered.length === 0) return
    const [first] = gathered
    const message = gathered.length === 1 && first ? first : Buffer.concat(gathered)
    gathered = []
    gatheredLength = 0
    to.send(message, onWritten)
    if (isPaused || to.queuedBytes() <= fullBytes) return
    isPaused = true
    from.pause()
  }

  from.read((message) => {
    if (message.length === 0) return
    bytes += message.length
    options.onBytes(message.length)
    if (gatheredLength + message.length > options.maxMessageBytes) flush()
    gathered.push(message)
    gatheredLength += message.length
    if (gatheredLength >= gatheredBytes || gathered.length >= gatheredMessages) flush()
    else timer ??= setImmediate(flush)
  })
  return { flush, bytes: () => bytes }
}
