import assert from 'node:assert/strict'
import { it } from 'node:test'
import { CompiledQuery, type KyselyPlugin } from 'kysely'
import type { Reader } from '../store/db.ts'
import { startControlPlane } from '../testing/harness.ts'
import {
  countAhead,
  countOutstanding,
  countQueued,
  readNodesHeldUntil,
  readNodesWithQueue,
  readOverdue,
  readQueued,
} from './execution-queue.ts'
import { readUnanswered } from './log/events.ts'

const nodeId = 'n_web'
const of = { node_id: nodeId, created_at: 1, id: 'exec_a' }
/** Each reads only rows that are open, by an index that has no others, however many have ended. */
const queries: Record<string, (reader: Reader) => Promise<unknown>> = {
  executions_outstanding: (reader) => countOutstanding(reader, nodeId),
  executions_queued: async (reader) => {
    await countQueued(reader, { node_id: nodeId })
    await countAhead(reader, of)
    await readQueued(reader, { nodeId, nowMs: 1, limit: 5 })
    await readNodesWithQueue(reader)
  },
  executions_queued_of_tenant: (reader) => countQueued(reader, { tenant_id: 'ten_a' }),
  executions_held: (reader) => readNodesHeldUntil(reader, 1),
  executions_open: (reader) => readOverdue(reader, { nowMs: 1, limit: 50 }),
  'executions_(open|outstanding)': (reader) =>
    readUnanswered(reader, { nodeId, throughSeq: 1, nowMs: 1 }),
}

for (const [index, query] of Object.entries(queries))
  it(`reads by ${index}`, async () => {
    await using plane = await startControlPlane()
    const { reader } = plane.app.store
    const plans: string[] = []
    await query(explaining(reader, plans))
    const of = plans.filter((line) => line.includes('executions'))
    assert.ok(of.length > 0)
    for (const line of of) assert.match(line, new RegExp(`INDEX ${index}\\b`))
  })

/** A reader that also notes how the database goes about each query. */
function explaining(reader: Reader, plans: string[]): Reader {
  const asked: CompiledQuery[] = []
  const plugin: KyselyPlugin = {
    transformQuery({ node, queryId }) {
      asked.push(reader.getExecutor().compileQuery(node, queryId))
      return node
    },
    async transformResult({ result }) {
      for (const { sql, parameters } of asked.splice(0)) {
        const explained = CompiledQuery.raw(`explain query plan ${sql}`, [...parameters])
        const { rows } = await reader.executeQuery<{ detail: string }>(explained)
        plans.push(...rows.map(({ detail }) => detail))
      }
      return result
    },
  }
  return reader.withPlugin(plugin)
}
