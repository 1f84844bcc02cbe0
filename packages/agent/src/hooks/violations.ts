import type { DatabaseSync } from 'node:sqlite'
import type { Client, ControlApi, IntegrityViolation } from '@plexd/protocol'
import type { Clock } from '@plexd/runtime'
import { type Delivery, type DeliveryDeps, startDelivery } from '../control/delivery.ts'
import { createListeners } from '../process/listeners.ts'
import type { Deviation } from './judge.ts'

/** Violations that the control plane has not heard of. They are kept from the start on, when nobody can send them yet. */
export interface Violations {
  /** Durable when it returns. */
  add(deviation: Deviation): void
  pending(): { id: number; violation: IntegrityViolation }[]
  remove(id: number): void
  /** Returns the function that ends it. */
  onAdd(listener: () => void): () => void
}

/** After a long outage the latest are enough. */
const maxViolations = 200

export function openViolations(database: DatabaseSync, clock: Pick<Clock, 'now'>): Violations {
  const insert = database.prepare('INSERT INTO violations (violation) VALUES (?)')
  const trim = database.prepare(
    `DELETE FROM violations WHERE id <= (SELECT max(id) FROM violations) - ${maxViolations}`,
  )
  const select = database.prepare('SELECT id, violation FROM violations ORDER BY id LIMIT 50')
  const remove = database.prepare('DELETE FROM violations WHERE id = ?')
  const added = createListeners()
  return {
    add({ name: _, ...deviation }) {
      const timestamp = new Date(clock.now()).toISOString()
      const violation: IntegrityViolation = { type: 'hook', ...deviation, timestamp }
      insert.run(JSON.stringify(violation))
      trim.run()
      added.tell()
    },
    pending: () =>
      select
        .all()
        .map((row) => ({ id: Number(row.id), violation: JSON.parse(String(row.violation)) })),
    remove: (id) => void remove.run(id),
    onAdd: added.add,
  }
}

/** Reports violations until the control plane has them. */
export function startViolationReports(
  violations: Violations,
  deps: DeliveryDeps & { client: Pick<Client<ControlApi>, 'reportViolation'>; nodeId: string },
): Delivery {
  const params = { node_id: deps.nodeId }
  const delivery = startDelivery<ReturnType<Violations['pending']>[number]>(
    {
      name: 'violation',
      pending: violations.pending,
      async send({ violation }, signal) {
        await deps.client.reportViolation({ params, body: violation, signal })
      },
      remove: ({ id }) => violations.remove(id),
    },
    deps,
  )
  const stop = violations.onAdd(delivery.wake)
  return {
    wake: delivery.wake,
    async [Symbol.asyncDispose]() {
      stop()
      await delivery[Symbol.asyncDispose]()
    },
  }
}
