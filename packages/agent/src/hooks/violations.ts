import type { Client, ControlApi, IntegrityViolation } from '@plexd/protocol'
import { type Clock, describeError, type Log } from '@plexd/runtime'
import type { Delivery, DeliveryDeps } from '../control/delivery.ts'
import { startQueueDelivery } from '../control/queue-delivery.ts'
import type { Queue } from '../queue/queue.ts'
import type { Deviation } from './judge.ts'

/** Deviations of hooks as violations for the control plane. They are queued from the start on, when nobody can send them yet. */
export interface Violations {
  add(deviation: Deviation): void
}

/** After a long outage the latest are enough. */
export const maxViolations = 200

export function createViolations(
  queue: Pick<Queue<IntegrityViolation>, 'append'>,
  { clock, log }: { clock: Pick<Clock, 'now'>; log: Pick<Log, 'warn'> },
): Violations {
  return {
    add({ name: _, ...deviation }) {
      const timestamp = new Date(clock.now()).toISOString()
      queue
        .append([{ type: 'hook', ...deviation, timestamp }])
        .catch((error: unknown) => log.warn('violation is lost', { error: describeError(error) }))
    },
  }
}

/** Reports violations until the control plane has them. */
export function startViolationReports(
  queue: Queue<IntegrityViolation>,
  deps: DeliveryDeps & { client: Pick<Client<ControlApi>, 'reportViolation'>; nodeId: string },
): Delivery {
  const params = { node_id: deps.nodeId }
  return startQueueDelivery(
    queue,
    {
      what: 'violation',
      async send(violations, signal) {
        for (const body of violations) await deps.client.reportViolation({ params, body, signal })
      },
    },
    deps,
  )
}
