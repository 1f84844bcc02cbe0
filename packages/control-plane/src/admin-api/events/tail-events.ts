import { ApiError, adminApi, type EventRecord } from '@plexd/protocol'
import type { Delivery, Environment, Seals, State, Waiters } from '../../app.ts'
import type { Frame } from '../../events/frames.ts'
import { isShared, payloadFor } from '../../events/payload-for.ts'
import { createSlices } from '../../events/slices.ts'
import { createSubscription } from '../../events/subscription.ts'
import { handle } from '../../handle.ts'
import type { NodeRecord } from '../../mesh/fleet.ts'
import type { StoredEvent } from '../../rows/log/events.ts'
import { findNode } from '../wire/find-node.ts'
import { openOperatorStream } from '../wire/operator-stream.ts'

/** Ends when the token is revoked, the node is removed, or the control plane stops. */
export const tailEvents = handle(
  adminApi.tailEvents,
  async (
    { principal, params, query, reply },
    app: State & Delivery & Seals & Waiters & Environment,
  ) => {
    const node = findNode(app.fleet, principal, params.node)
    const afterSeq = startOf(app, query.after)
    const isGone = (): boolean => app.fleet.node(node.id) === undefined
    const stream = openOperatorStream(app, { principal, reply }, isGone)
    const subscription = createSubscription({
      no: node.no,
      afterSeq,
      behind: afterSeq < app.heads.of(node.no),
      reader: app.store.reader,
      sink: stream,
      slices: createSlices(),
      async *prologue() {},
      frameOf: async (event) => frameOf(app, event, node),
      onFlushed() {},
      log: app.log,
    })
    const stopFollowing = app.commits.follow(({ events }) => {
      for (const event of events) if (event.audience.includes(node.no)) subscription.offer(event)
    })
    stream.onClose(() => {
      stopFollowing()
      subscription.close()
    })
    return undefined
  },
)

function startOf({ heads }: Delivery, after: string | undefined): number {
  if (after === undefined) return heads.last()
  if (after === '0') return 0
  const { seq, unknown } = heads.find(after)
  if (seq !== undefined) return seq
  throw new ApiError('bad_request', `after "${after}": the event id ${unknown}`)
}

async function frameOf(
  app: State & Delivery & Seals & Environment,
  event: StoredEvent,
  node: NodeRecord,
): Promise<Frame> {
  const id = app.heads.positionOf(event.seq)
  const kept = keptPayload(event)
  const record: Omit<EventRecord, 'payload'> = {
    id,
    event_id: event.event_id,
    event_type: event.event_type,
    node_id: node.id,
    node_hostname: node.hostname,
    created_at: new Date(event.created_at).toISOString(),
    payload_of: kept === undefined ? 'now' : 'event',
  }
  const head = JSON.stringify(record).slice(0, -1)
  const data = `${head},"payload":${kept ?? (await presentPayload(app, event, node))}}`
  // One line of any length: only nodes have a limit.
  const text = `id: ${id}\nevent: ${event.event_type}\ndata: ${data}\n\n`
  return { text, isResync: false }
}

/**
 * The payload as stored in the log, as JSON text, without what is filled in for each recipient, such as PSKs and session tokens.
 * Undefined if the log only records that there is a newer state.
 */
function keptPayload({ event_type, payload }: StoredEvent): string | undefined {
  if (['peer_added', 'peer_key_rotated'].includes(event_type)) {
    const { key_epoch: _, ...rest } = JSON.parse(payload) as Record<string, unknown> // an object for every type
    return JSON.stringify(rest)
  }
  const isKept =
    isShared(event_type) || ['action_request', 'ssh_session_setup'].includes(event_type)
  return isKept ? payload : undefined
}

/** What the node would be sent for it now. */
async function presentPayload(
  app: State & Delivery & Seals & Environment,
  event: StoredEvent,
  node: NodeRecord,
): Promise<string> {
  const { store, entries, fleet, pskMaster, masterKey, clock, keyring } = app
  const { keyFor } = keyring
  const sources = {
    reader: store.reader,
    entries,
    fleet,
    pskMaster,
    masterKey,
    keyFor,
    now: clock.now,
  }
  return (await payloadFor(event, node, sources)) ?? '{}'
}
