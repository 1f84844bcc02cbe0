import { ApiError, controlApi } from '@plexd/protocol'
import { handle } from '../handle.ts'
import { openSse } from '../http/sse.ts'

/** The node's event stream. `Last-Event-ID` resumes behind the event of that id. */
export const openEvents = handle(
  controlApi.openEvents,
  async ({ principal, headers, reply }, app) => {
    // It may have begun to stop since the request came in.
    if (app.isStopping())
      throw new ApiError('unavailable', 'the control plane is stopping', { retryAfterSeconds: 1 })
    const lastEventId = headers['last-event-id']
    app.streams.open(
      principal,
      Array.isArray(lastEventId) ? lastEventId.join() : lastEventId,
      openSse(reply, app.clock.monotonic),
    )
    return undefined
  },
)
