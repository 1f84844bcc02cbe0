import { controlApi, fillPath, revisionHeader } from '@plexd/protocol'
import type { AnswerGate } from '../client/answer-gate.ts'
import type { Connecting } from '../client/client.ts'
import type { Credentials } from '../client/credentials.ts'
import { createOpener, type OpenerConfig } from './open-answer.ts'

/** An open event stream: its bytes as they arrive. Iteration ends when the server closes it, and throws if it breaks. */
export interface StreamConnection {
  chunks: AsyncIterable<Uint8Array>
  /** The `Date` header of the answer. */
  date: string | undefined
  /** The local address. */
  localAddress?: string | undefined
  /** The address of the control plane that it is open at. */
  apiUrl?: string
}

export interface StreamRequest {
  lastEventId: string
  /** The revision of our state; empty for none. */
  revision: string
  signal: AbortSignal
}

export type ConnectStream = (request: StreamRequest) => Promise<StreamConnection>

/** Any answer other than 200 rejects with an ApiError, or is rejected by the gate. */
export function createStreamConnector(
  config: OpenerConfig,
  who: Credentials &
    Connecting & { nodeId: string; instance?: string; gate?: AnswerGate; answerMs?: number },
): ConnectStream {
  const open = createOpener(config, who)
  return async ({ lastEventId, revision, signal }) => {
    const { response, apiUrl } = await open({
      path: fillPath(controlApi.openEvents.path, { node_id: who.nodeId }),
      headers: {
        accept: streamType,
        'cache-control': 'no-cache',
        ...(lastEventId === '' ? {} : { 'last-event-id': lastEventId }),
        ...(revision === '' ? {} : { [revisionHeader]: revision }),
      },
      type: streamType,
      signal,
    })
    const { localAddress } = response.socket
    return { chunks: response, date: response.headers.date, localAddress, apiUrl }
  }
}

/** Any other content type is not an event stream. */
const streamType = 'text/event-stream'
