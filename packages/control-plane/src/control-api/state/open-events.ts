import { ApiError, controlApi, revisionHeader } from '@plexd/protocol'
import { handle } from '../../handle.ts'
import { openSse } from '../../http/sse.ts'

/**
 * The node's event stream. `Last-Event-ID` resumes behind the event of that id; where there is none, the revision of the
 * state that the node has does.
 */
export const openEvents = handle(
  controlApi.openEvents,
  async ({ principal, headers, reply }, app) => {
    // It may have begun to stop since the request came in.
    if (app.notServing() === 'stopping')
      throw new ApiError('unavailable', 'the control plane is stopping', { retryAfterSeconds: 1 })
    const textOf = (name: string): string => [headers[name] ?? ''].flat().join()
    app.streams.open(
      principal,
      { lastEventId: textOf('last-event-id'), revision: textOf(revisionHeader) },
      openSse(reply, app.clock.monotonic),
    )
    return undefined
  },
)
