import type { ServerChannel } from 'ssh2'
import type { ClientOut } from './client-out.ts'

/**
 * Writes to a channel, one piece after the other, whichever stream it is for. ssh2 keeps what does not fit into the
 * window of the client for one of the two streams only, and keeps it when it is sent: with both at once it would send
 * some of it twice, and some never.
 */
export interface ChannelOutput {
  /** Resolves when the client had room for it, and the socket has; also when the channel has closed. */
  write(stream: 'stdout' | 'stderr', bytes: Uint8Array): Promise<void>
}

/** What ssh2 keeps, which is no part of its interface. */
interface KeptChunks {
  _chunk?: unknown
  _chunkcb?: unknown
  _chunkErr?: unknown
  _chunkcbErr?: unknown
}

export function createChannelOutput(channel: ServerChannel, out: ClientOut): ChannelOutput {
  const closed = Promise.withResolvers<void>()
  channel.once('close', () => closed.resolve())
  let last = Promise.resolve()

  async function writeNow(stream: 'stdout' | 'stderr', bytes: Uint8Array): Promise<void> {
    await out.untilRoom()
    if (!channel.writable) return
    const written = Promise.withResolvers<void>()
    const to = stream === 'stdout' ? channel : channel.stderr
    out.together(() => to.write(bytes, () => written.resolve()))
    await Promise.race([written.promise, closed.promise])
    const kept: KeptChunks = channel as unknown as KeptChunks
    for (const name of ['_chunk', '_chunkcb', '_chunkErr', '_chunkcbErr'] as const)
      kept[name] = undefined
  }

  return {
    write(stream, bytes) {
      last = last.then(() => writeNow(stream, bytes))
      return last
    },
  }
}
