import { ApiError, controlApi } from '@plexd/protocol'
import type { App } from '../app.ts'
import { type Call, handle } from '../handle.ts'
import { applyReports } from '../reports/apply.ts'
import type { ReportBatch } from '../reports/merge.ts'
import { parseReports, salvageReports } from '../reports/parse.ts'

type ReportCall = Call<typeof controlApi.syncReports>

/**
 * Merges a batch of report entries. What is not in conflict is kept, also when the answer is 409. A Go node always
 * gets 200: whatever else it hears, it sends the same growing batch every five seconds for ever (wire contract 2.11).
 */
export const syncReports = handle(controlApi.syncReports, async (call, app) => {
  const { principal, reply } = call
  const batch = principal.is_go ? await readSalvaged(call, app) : await readStrict(call, app)
  const lostDigest = app.lostReportAnswers.get(principal.id)
  const { report_keys: keys, report_bytes: bytes } = app.config.limits
  const room = { keys, bytes }
  const applied = await app.store.write((tx) =>
    applyReports(tx, principal.id, batch, { lostDigest, room }),
  )
  app.lostReportAnswers.delete(principal.id)
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) app.lostReportAnswers.set(principal.id, applied.digest)
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
})

async function readStrict(call: ReportCall, { bodies }: App): Promise<ReportBatch> {
  return parseReports(textOf(await bodies.read(call, controlApi.syncReports)))
}

async function readSalvaged(call: ReportCall, { bodies, log }: App): Promise<ReportBatch> {
  const node_id = call.principal.id
  try {
    const { body } = await bodies.readSome(call, maxGoBytes)
    const { dropped, ...batch } = salvageReports(textOf(body))
    if (dropped > 0) log.warn('report entries dropped', { node_id, dropped })
    return batch
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    log.warn('report batch dropped', { node_id, error: error.message })
    return { entries: [], deleted: [] }
  }
}

/** A Go node sends all that it has, however much that is. */
const maxGoBytes = 16 * 1024 * 1024

function textOf(body: Uint8Array): string {
  return new TextDecoder().decode(body)
}
