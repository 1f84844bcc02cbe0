import assert from 'node:assert/strict'
import { it } from 'node:test'
import { CompiledQuery, type KyselyPlugin } from 'kysely'
import type { Reader, Tx } from '../store/db.ts'
import { startControlPlane } from '../testing/harness.ts'
import { deleteResolvedBefore, readAlertsBefore, readOpenAlerts } from './alerts/alerts.ts'
import { readDueWebhookIds, readFirstMessage } from './alerts/messages.ts'
import {
  countAhead,
  countOutstanding,
  countQueued,
  readNodesHeldUntil,
  readNodesWithQueue,
  readOverdue,
  readQueued,
} from './executions/execution-queue.ts'
import { deleteEnded, readExecutionsBefore } from './executions/executions.ts'
import {
  countOpenRuns,
  deleteHalfWritten,
  readOpenRunOf,
  readOpenRuns,
  readRunsBefore,
} from './executions/runs.ts'
import { deleteTurnsBefore } from './executions/schedules.ts'
import { readUnanswered } from './log/events.ts'
import {
  countOpenSessions,
  deleteClosedSessions,
  readForsakenSessions,
  readOpenSessions,
  readOverdueSessions,
  readSessionsBefore,
} from './sessions.ts'

const nodeId = 'n_web'
const page = { limit: 1, maxBytes: 1 }
const of = { node_id: nodeId, created_at: 1, id: 'exec_a' }
/** What is asked again and again reads a few rows only, however long the history is: by an index that has no others. */
const queries: Record<string, (tx: Tx) => Promise<unknown>> = {
  executions_outstanding: async (tx) => {
    await countOutstanding(tx, nodeId)
    await readExecutionsBefore(tx, { nodeId, status: 'accepted', createdAt: 9, id: '' }, page)
  },
  executions_queued: async (tx) => {
    await countQueued(tx, { node_id: nodeId })
    await countAhead(tx, of)
    await readQueued(tx, { nodeId, nowMs: 1, limit: 5 })
    await readNodesWithQueue(tx)
    await readExecutionsBefore(tx, { nodeId, status: 'queued', createdAt: 9, id: '' }, page)
  },
  executions_queued_of_tenant: (tx) => countQueued(tx, { tenant_id: 'ten_a' }),
  executions_held: (tx) => readNodesHeldUntil(tx, 1),
  executions_open: (tx) => readOverdue(tx, { nowMs: 1, limit: 50 }),
  'executions_(open|outstanding)|sessions_unheard': (tx) => readUnanswered(tx, [nodeId], 1),
  sessions_open_of_node: (tx) => countOpenSessions(tx, { node_id: nodeId }),
  sessions_open_of_operator: (tx) => readOpenSessions(tx, { operator_id: 'tok_a' }),
  'sessions_open(_of_node|_of_operator)?': (tx) => readForsakenSessions(tx, 1),
  'sessions_open \\(expires_at<\\?\\)': (tx) => readOverdueSessions(tx, { beforeMs: 1, limit: 1 }),
  sessions_by_node: (tx) =>
    readSessionsBefore(tx, { of: { node_id: nodeId }, state: 'closed', openedAt: 9, id: '' }, page),
  sessions_by_tenant: (tx) =>
    readSessionsBefore(
      tx,
      { of: { tenant_id: 'ten_a' }, state: undefined, openedAt: 9, id: '' },
      page,
    ),
  'sessions_closed \\(closed_at<\\?\\)|sqlite_autoindex_sessions_1': (tx) =>
    deleteClosedSessions(tx, 1, 1),
  runs_open: async (tx) => {
    await readOpenRuns(tx)
    await readRunsBefore(tx, { tenantId: 'ten_a', state: 'running', createdAt: 9, id: '' }, page)
    await countOpenRuns(tx, 'ten_a')
    await readOpenRunOf(tx, { id: 'sch_a', tenant_id: 'ten_a' })
    await deleteHalfWritten(tx)
    await deleteHalfWritten(tx, { createdBefore: 1 })
  },
  'executions_ended \\(created_at<\\?\\)|sqlite_autoindex_executions_1': (tx) =>
    deleteEnded(tx, 1, 1),
  'executions_ended_by_status \\(node_id=\\? AND status=\\? AND \\(created_at,id\\)<\\(\\?,\\?\\)\\)':
    (tx) => readExecutionsBefore(tx, { nodeId, status: 'failure', createdAt: 9, id: '' }, page),
  'runs_ended_by_state \\(tenant_id=\\? AND state=\\? AND \\(created_at,id\\)<\\(\\?,\\?\\)\\)': (
    tx,
  ) => readRunsBefore(tx, { tenantId: 'ten_a', state: 'failed', createdAt: 9, id: '' }, page),
  alerts_open: async (tx) => {
    await readOpenAlerts(tx)
    await readAlertsBefore(tx, { tenantId: 'ten_a', state: 'firing', since: 9, id: '' }, page)
  },
  alerts_by_tenant: (tx) => readAlertsBefore(tx, { tenantId: 'ten_a', since: 9, id: '' }, page),
  'alerts_resolved \\(resolved_at>\\? AND resolved_at<\\?\\)|sqlite_autoindex_alerts_1': (tx) =>
    deleteResolvedBefore(tx, { beforeMs: 1, limit: 1 }),
  alert_messages_by_webhook: async (tx) => {
    await readFirstMessage(tx, 'whk_a')
    await readDueWebhookIds(tx, { nowMs: 1, maxWaitMs: 1 })
  },
  'sqlite_autoindex_schedule_turns_1 \\(schedule_id=\\? AND due_at<\\?\\)': (tx) =>
    deleteTurnsBefore(tx, 'sch_a', 1),
}

for (const [index, query] of Object.entries(queries))
  it(`reads by ${index}`, async () => {
    await using plane = await startControlPlane()
    const plans: string[] = []
    await plane.app.store.write((tx) => query(explaining(tx, plans) as Tx)) // the same with a plugin
    const reads = plans.filter((line) =>
      /^(SCAN|SEARCH) (executions|runs|schedule_turns|sessions|alerts|alert_messages)\b/.test(line),
    )
    assert.ok(reads.length > 0)
    for (const line of reads) assert.match(line, new RegExp(`INDEX (${index})`))
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
