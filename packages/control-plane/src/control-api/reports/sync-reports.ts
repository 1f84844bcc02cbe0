import { ApiError, controlApi } from '@plexd/protocol'
import type { Environment, Intake, NodeMemory, State } from '../../app.ts'
import { type Call, handle } from '../../handle.ts'
import { applyReports } from '../../reports/apply.ts'
import { compareReports as compare } from '../../reports/compare.ts'
import type { ReportBatch } from '../../reports/merge.ts'
import type { ReadReports } from '../../reports/parse.ts'
import { readReportMarks } from '../../rows/reports.ts'

type ReportCall = Call<typeof controlApi.syncReports>

/**
 * Merges a batch of report entries. Entries without a conflict are stored even if the answer is 409. A Go node always
 * gets 200: after any other answer it resends the same growing batch every five seconds forever (wire contract 2.11).
 */
export const syncReports = handle(
  controlApi.syncReports,
  async (call, app: State & NodeMemory & Intake & Environment) => {
    const { principal, reply } = call
    const batch = principal.is_go ? await readSalvaged(call, app) : await readStrict(call, app)
    const lostDigest = app.notes.lostReportAnswers.of(principal.id)
    const { report_keys: keys, report_bytes: bytes } = app.config.limits
    const room = { keys, bytes }
    const applied = await app.store.write((tx) =>
      applyReports(tx, principal.id, batch, { lostDigest, room }),
    )
    app.notes.lostReportAnswers.put(principal.id, undefined)
    reply.raw.once('close', () => {
      if (!reply.raw.writableFinished) app.notes.lostReportAnswers.put(principal.id, applied.digest)
    })
    const { conflicts, overflow } = applied
    if (conflicts.length + overflow > 0)
      app.log.warn('report entries left out', {
        node_id: principal.id,
        conflicts: conflicts.length,
        overflow,
      })
    if (principal.is_go) return {}
    if (conflicts.length > 0)
      throw new ApiError('conflict', 'version conflict', { details: { conflicts } })
    if (overflow > 0)
      throw new ApiError(
        'payload_too_large',
        `${overflow} report entries were left out: a node may have ${keys} of them (limit report_keys), of ${bytes} bytes together (limit report_bytes); delete some first`,
      )
    return {}
  },
)

async function readStrict(call: ReportCall, { bodies, parser }: Intake): Promise<ReportBatch> {
  return parser.parse('reports', await bodies.read(call, controlApi.syncReports))
}

async function readSalvaged(
  call: ReportCall,
  app: NodeMemory & Intake & Environment,
): Promise<ReportBatch> {
  const { entries, deleted, dropped } = await salvage(call, app)
  const node_id = call.principal.id
  if (dropped > 0) app.log.warn('report entries dropped', { node_id, dropped })
  app.notes.reportsLeftOut.put(node_id, dropped === 0 ? undefined : dropped)
  app.metrics.reportsDropped(dropped)
  return { entries, deleted }
}

async function salvage(
  call: ReportCall,
  { bodies, parser, log, config }: Intake & Environment,
): Promise<ReadReports> {
  try {
    const { body, isWhole } = await bodies.readSome(call, config.limits.go_report_bytes)
    const read = await parser.parse('someReports', body)
    // At least one was cut off; the exact number is unknown.
    return isWhole || read.dropped > 0 ? read : { ...read, dropped: 1 }
  } catch (error) {
    if (!(error instanceof ApiError) || error.status === 503) throw error
    log.warn('report batch dropped', { node_id: call.principal.id, error: error.message })
    return { entries: [], deleted: [], dropped: 1 }
  }
}

/** A node calls this once per run of the control plane: after a restored backup, only the nodes know what was lost. */
export const compareReports = handle(
  controlApi.compareReports,
  async ({ principal, body }, app: State) => {
    return compare(await readReportMarks(app.store.reader, principal.id), body)
  },
)
