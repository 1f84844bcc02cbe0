import { ApiError, controlApi, revisionHeader } from '@plexd/protocol'
import type { Delivery, Environment } from '../../app.ts'
import { handle } from '../../handle.ts'
import { relayingOf } from '../../http/connections/proxies/balancers.ts'
import { openSse } from '../../http/sse.ts'

/**
 * The node's event stream. `Last-Event-ID` resumes after that event; without it, the stream resumes after the revision
 * of the node's state.
 */
export const openEvents = handle(
  controlApi.openEvents,
  async ({ principal, headers, request, reply }, app: Delivery & Environment) => {
    // We may have begun to shut down since the request arrived.
    if (app.notServing() === 'stopping')
      throw new ApiError('unavailable', 'the control plane is stopping', { retryAfterSeconds: 1 })
    const textOf = (name: string): string => [headers[name] ?? ''].flat().join()
    app.streams.open(
      principal,
      { lastEventId: textOf('last-event-id'), revision: textOf(revisionHeader) },
      {
        ...openSse(reply, app.clock.monotonic),
        isPassedOn: relayingOf(request.raw.socket) !== undefined,
      },
    )
    return undefined
  },
)
