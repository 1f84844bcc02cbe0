import { formatComment } from '@plexd/protocol'
import type { FastifyReply } from 'fastify'

/** A Server-Sent Events response, hijacked from the server. */
export interface SseStream {
  /** Undefined if more may be written at once; otherwise wait for the promise, which rejects when the stream is closed. */
  write(text: string, onFlushed?: () => void): Promise<void> | undefined
  /** Sends a keep-alive, unless the reader is behind; one that has taken nothing for `maxStallMs` is cut off. */
  keepAlive(maxStallMs: number): void
  end(): void
  destroy(): void
  onClose(run: () => void): void
}

/** The buffer of a stalled reader; it is held up to three times: as text, as bytes, and encrypted. */
const maxPieceChars = 128 * 1024

/** Answers 200 and a comment at once, so that the client sees that it is connected. */
export function openSse(reply: FastifyReply, now: () => number): SseStream {
  const response = reply.hijack().raw
  let stalledSince: number | undefined
  response.writeHead(200, {
    'content-type': 'text/event-stream',
    'cache-control': 'no-cache, no-transform',
    'x-accel-buffering': 'no',
  })
  response.write(formatComment('connected'))
  response.on('error', () => response.destroy())

  function drained(): Promise<void> {
    if (response.destroyed) return Promise.reject(closed())
    stalledSince = now()
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        response.off('drain', settle)
        response.off('close', settle)
        stalledSince = undefined
        if (response.destroyed || response.writableEnded) reject(closed())
        else resolve()
      }
      response.on('drain', settle)
      response.on('close', settle)
    })
  }

  function writePiece(text: string, onFlushed?: () => void): Promise<void> | undefined {
    const more = response.write(text, (error) => {
      if (!error) onFlushed?.()
    })
    return more ? undefined : drained()
  }

  async function writePieces(text: string, onFlushed?: () => void): Promise<void> {
    for (let rest = text; rest !== ''; ) {
      const piece = rest.slice(0, endOfPiece(rest))
      rest = rest.slice(piece.length)
      await writePiece(piece, rest === '' ? onFlushed : undefined)
    }
  }

  return {
    write: (text, onFlushed) =>
      text.length <= maxPieceChars ? writePiece(text, onFlushed) : writePieces(text, onFlushed),
    keepAlive(maxStallMs) {
      if (stalledSince === undefined) response.write(formatComment('keep-alive'))
      else if (now() - stalledSince > maxStallMs) response.destroy()
    },
    // A client that does not read would not see the end either.
    end: () => (stalledSince === undefined ? response.end() : response.destroy()),
    destroy: () => response.destroy(),
    onClose(run) {
      // The client may disconnect before anybody listens.
      if (response.closed) queueMicrotask(run)
      else response.once('close', run)
    },
  }
}

/** Does not split surrogate pairs, because each chunk is encoded by itself. */
function endOfPiece(text: string): number {
  const code = text.charCodeAt(maxPieceChars - 1)
  return code >= 0xd800 && code < 0xdc00 ? maxPieceChars - 1 : maxPieceChars
}

function closed(): Error {
  return new Error('write to event stream: it is closed')
}
