import { setTimeout as delay } from 'node:timers/promises'
import {
  controlApi,
  importVerifyKey,
  type NodeState,
  parseEnvelope,
  refusalOf,
} from '@plexd/protocol'
import { describeError } from '@plexd/runtime'
import { type Block, foldEvent } from '@plexd/runtime/testing'
import { type Delivery, sequenceOf } from './events/ledger.ts'
import type { TestNode } from './system.ts'

/** A node that pulls once, follows its stream over every cut, and writes down all that comes. */
export interface ScriptedNode extends AsyncDisposable {
  readonly node: TestNode
  /** Where its first stream began. */
  readonly afterId: string
  readonly deliveries: readonly Delivery[]
  /** Events that it refused, and answers that it should not have got. */
  readonly faults: readonly string[]
  /** What it makes of its first state and the events since. */
  state(): NodeState
  /** Sequence of the last event it has. */
  position(): number
  connects(): number
  onAction(run: (executionId: string) => void): void
}

/** How soon it connects again; each node has its own, so that they do not act in step. */
const reconnectMs = 50

export async function followScripted(node: TestNode): Promise<ScriptedNode> {
  const pull = async (): Promise<NodeState> => {
    const answer = await node.call(controlApi.getState)
    if (answer.status !== 200) throw new Error(`pull state: ${answer.text}`)
    return answer.json<NodeState>()
  }
  let state = await pull()
  const afterId = state.revision ?? ''
  let lastEventId = afterId
  let connects = 0
  const keys = [await importVerifyKey(node.signing_public_key)]
  const deliveries: Delivery[] = []
  const faults: string[] = []
  const listeners: ((executionId: string) => void)[] = []
  const stop = new AbortController()

  async function verified({ id, data }: Block): Promise<Delivery | undefined> {
    try {
      const envelope = parseEnvelope(data)
      const refusal = await refusalOf(envelope, { keys, nowMs: Date.now() })
      const { event_id, event_type, nonce, payload } = envelope
      if (!refusal) return { id, event_id, event_type, nonce, payload: JSON.parse(payload) }
      faults.push(`${id} ${event_type}: ${refusal}`)
    } catch (error) {
      faults.push(`${id}: ${describeError(error)}`)
    }
    return undefined
  }

  async function take(block: Block): Promise<void> {
    const delivery = await verified(block)
    if (!delivery) return
    const { id, event_type } = delivery
    const payload = delivery.payload as { current: string; execution_id: string } // each in the type that has it
    state = foldEvent(state, delivery) ?? (await pull())
    deliveries.push(delivery)
    if (id !== '') lastEventId = id
    if (event_type === 'signing_key_rotated') keys.push(await importVerifyKey(payload.current))
    if (event_type === 'action_request')
      for (const listener of listeners) listener(payload.execution_id)
  }

  async function followOnce(): Promise<void> {
    using stream = await node.stream(lastEventId)
    // It may have been told to stop while it connected.
    if (stop.signal.aborted) return
    stop.signal.addEventListener('abort', () => stream[Symbol.dispose](), { once: true })
    if (stream.status !== 200 && stream.status !== 503)
      faults.push(`stream answered ${stream.status}: ${stream.body}`)
    if (stream.status === 200) connects++
    for (;;) {
      const block = await stream.next(3_600_000)
      if (!block || stop.signal.aborted) return
      await take(block)
    }
  }

  async function follow(): Promise<void> {
    while (!stop.signal.aborted) {
      // The control plane is down, or went down while the state was pulled.
      await followOnce().catch(() => undefined)
      await delay(reconnectMs * (0.5 + Math.random()))
    }
  }

  const following = follow()
  return {
    node,
    afterId,
    deliveries,
    faults,
    state: () => state,
    position: () => sequenceOf(lastEventId),
    connects: () => connects,
    onAction: (run) => {
      listeners.push(run)
    },
    async [Symbol.asyncDispose]() {
      stop.abort()
      await following
    },
  }
}
