import assert from 'node:assert/strict'
import { controlApi, type EventRecord, type NodeState } from '@plexd/protocol'
import { comparable, openEventStream, until } from '@plexd/runtime/testing'
import type { ScriptedNode } from '../scripted-node.ts'
import type { System } from '../system.ts'
import { ledgerFaults, sequenceOf } from './ledger.ts'

/**
 * Whether a scripted node was told everything once and in order, and made of it what the control plane wants, once it
 * has come to the end of its log. `answered` are the executions whose acknowledgement may have arrived.
 */
export async function checkTold(
  system: System,
  scripted: ScriptedNode,
  answered: ReadonlySet<string> = new Set(),
): Promise<void> {
  const { node } = scripted
  const state = await until(
    `${node.hostname} has come to the end of its log`,
    async () => {
      const pulled = (await node.call(controlApi.getState)).json<NodeState>()
      return scripted.position() === sequenceOf(pulled.revision ?? '') && pulled
    },
    30_000,
  )
  assert.deepEqual(comparable(scripted.state()), comparable(state))
  assert.deepEqual(scripted.faults, [])
  const { revision = '' } = state
  const log = await readLog(system, node.node_id, revision)
  // A rotation of a real agent may still be under way: what comes after the state is no part of this check.
  const deliveries = scripted.deliveries.filter(({ id }) => sequenceOf(id) <= sequenceOf(revision))
  assert.deepEqual(ledgerFaults(deliveries, { log, afterId: scripted.afterId, answered }), [])
}

/** The log of what was addressed to a node, up to the event of that id. */
async function readLog(
  { controlPlane: { url, caFile }, adminToken }: System,
  nodeId: string,
  lastId: string,
): Promise<EventRecord[]> {
  const path = `/admin/v1/nodes/${nodeId}/events?after=0`
  using stream = await openEventStream({ url, caFile, path, token: adminToken })
  const log: EventRecord[] = []
  while (sequenceOf(log.at(-1)?.id ?? '') < sequenceOf(lastId)) {
    const block = await stream.next()
    if (!block) throw new Error(`read log of "${nodeId}": it ended at ${log.at(-1)?.id}`)
    log.push(JSON.parse(block.data) as EventRecord)
  }
  return log
}
