import {
  controlApi,
  type EventType,
  fillPath,
  parseEnvelope,
  revisionHeader,
  type UnsignedEvent,
} from '@plexd/protocol'
import { type Block, type EventStream, openEventStream } from '@plexd/runtime/testing'

/** A block of a stream: its `id:` line, if it has one, and its envelope. */
export interface ReceivedBlock {
  id: string | undefined
  event: string
  data: string
  envelope: UnsignedEvent & { signature: string }
  payload: Record<string, unknown>
}

/** An event id without the mark of a cursor that is no revision. */
export function placeOf(id = ''): string {
  return id.replace(/-c$/, '')
}

/** An event stream as a node reads it. */
export interface EventReader
  extends Pick<EventStream, 'status' | 'headers' | 'ended' | 'pause' | 'resume'>,
    AsyncDisposable {
  readonly blocks: readonly ReceivedBlock[]
  readonly comments: readonly string[]
  /** Bytes of the longest line. */
  longestLine(): number
  /** The next block that was not asked for yet, of a type if one is given; rejects after 20 s or when the stream ends. */
  next(type?: EventType): Promise<ReceivedBlock>
}

export async function openEventReader(
  url: string,
  {
    token,
    nodeId,
    lastEventId,
    revision,
  }: { token: string; nodeId: string; lastEventId?: string; revision?: string },
): Promise<EventReader> {
  const stream = await openEventStream({
    url,
    path: fillPath(controlApi.openEvents.path, { node_id: nodeId }),
    token,
    ...(lastEventId === undefined ? {} : { lastEventId }),
    ...(revision === undefined ? {} : { headers: { [revisionHeader]: revision } }),
  })
  const { status, headers, reader, ended, pause, resume } = stream
  return {
    status,
    headers,
    ended,
    pause,
    resume,
    get blocks() {
      return stream.blocks.map(received)
    },
    comments: reader.comments,
    longestLine: reader.longestLine,
    async next(type) {
      const block = await (type === undefined ? stream.next() : stream.find(type))
      if (!block) throw new Error('wait for any event: the stream has ended')
      return received(block)
    },
    async [Symbol.asyncDispose]() {
      stream[Symbol.dispose]()
      await ended
    },
  }
}

function received({ id, event, data }: Block): ReceivedBlock {
  const envelope = parseEnvelope(data)
  const payload = JSON.parse(envelope.payload) as Record<string, unknown> // every payload is an object
  return { id: id || undefined, event, data, envelope, payload }
}
