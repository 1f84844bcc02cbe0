import { adminApi, type EventRecord, fillPath } from '@plexd/protocol'
import { type Part, systemClock } from '@plexd/runtime'
import type { Admin } from '../../command.ts'
import type { Open } from '../../connection/open-request.ts'
import { followEvents } from '../events/event-stream.ts'

/** What the control plane knows of one node. */
export function nodeParts(admin: Admin, open: Open, node: string): Part[] {
  const name = node.replaceAll(/[^\w.-]/g, '_')
  return [
    {
      file: `nodes/${name}.json`,
      about: `how the control plane sees the node "${node}"`,
      read: async (signal) => (await admin.getNode({ params: { node }, signal })).body,
    },
    {
      file: `nodes/${name}-events.json`,
      about: `the newest events to "${node}": positions, types and times`,
      read: (signal) => newestEvents(open, node, signal),
    },
  ]
}

type Told = Pick<EventRecord, 'id' | 'event_type' | 'created_at'>

const maxEvents = 500
/** The stream has no end; a log that is silent for so long has been read. */
const silentMs = 1_500

async function newestEvents(open: Open, node: string, signal: AbortSignal): Promise<Told[]> {
  const silent = new AbortController()
  const timer = setTimeout(() => silent.abort(), silentMs)
  const ended = AbortSignal.any([signal, silent.signal])
  const { method, path } = adminApi.tailEvents
  const events: Told[] = []
  try {
    const lines = followEvents({
      after: '0',
      signal: ended,
      clock: systemClock,
      onRetry() {},
      open: (after = '0') => {
        const query = new URLSearchParams({ after })
        const headers = { accept: 'text/event-stream' }
        return open({
          ...{ method, headers, signal: ended },
          path: `${fillPath(path, { node })}?${query}`,
        })
      },
    })
    for await (const line of lines) {
      timer.refresh()
      const { id, event_type, created_at }: EventRecord = JSON.parse(line)
      events.push({ id, event_type, created_at })
      if (events.length > maxEvents) events.shift()
    }
    return events
  } finally {
    clearTimeout(timer)
  }
}
