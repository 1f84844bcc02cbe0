import { ApiError } from '@plexd/protocol'
import { describeError, diskFault, type Fault, type Log } from '@plexd/runtime'
import { dataEntryJson } from '../../state/data-entry.ts'
import type { ReportStore } from '../../state/reports/report-store.ts'
import {
  type Answer,
  type Caller,
  emptyAnswer,
  errorAnswer,
  type LocalRequest,
  liveAnswer,
} from '../requests/answer.ts'
import {
  invalidKeyAnswer,
  isReportKey,
  parseVersion,
  readReportBody,
} from '../requests/report-body.ts'
import { notFoundAnswer } from './state.ts'

export const internalErrorAnswer = errorAnswer(500, 'internal error')

/** The write operations, by route. A success is answered after the change is on disk. */
export function createReportWriter(reports: ReportStore, log: Log) {
  /** Checks in the documented order: key, body, content type, payload, If-Match, version. */
  async function put(key: string, request: LocalRequest): Promise<Answer> {
    if (!isReportKey(key)) return invalidKeyAnswer
    return attempt(key, async () => {
      const body = readReportBody(await request.body())
      if (typeof body === 'string') return errorAnswer(400, body)
      const ifMatch = request.header('if-match') ?? ''
      const ifVersion = ifMatch === '' ? undefined : parseVersion(ifMatch)
      if (ifMatch !== '' && ifVersion === undefined)
        return errorAnswer(400, 'If-Match must be an integer')
      const condition = ifVersion === undefined ? {} : { ifVersion }
      const entry = { key, ...body, ...condition, ...writerOf(request.caller) }
      return liveAnswer(dataEntryJson(await reports.put(entry)))
    })
  }

  async function remove(key: string): Promise<Answer> {
    if (!isReportKey(key)) return invalidKeyAnswer
    return attempt(key, async () => ((await reports.delete(key)) ? emptyAnswer : notFoundAnswer))
  }

  async function attempt(key: string, change: () => Promise<Answer>): Promise<Answer> {
    try {
      return await change()
    } catch (error) {
      if (error instanceof ApiError) return errorAnswer(error.status, error.message)
      const fault = diskFault(error)
      if (fault !== undefined) return errorAnswer(507, fullDisk(fault))
      log.error('report entry not stored', { key, error: describeError(error) })
      return internalErrorAnswer
    }
  }

  return { putReport: put, deleteReport: remove }
}

/** For an answer of 507. */
export function fullDisk({ reason, remedy }: Fault): string {
  return `the disk of this node takes nothing more: ${reason}: ${remedy}, "plexd status" says where`
}

/** The user accountable for an entry; undefined if the kernel does not say. */
export function writerOf(caller: Caller): { writer?: string } {
  if (caller.via === 'token') return { writer: 'tcp' }
  return caller.credentials ? { writer: String(caller.credentials.uid) } : {}
}

/** All keys, each with the uid of its writer, or `tcp`. */
export function describeWriters(reports: Pick<ReportStore, 'keys' | 'get'>) {
  return reports.keys().map((key) => {
    const { version, writer } = reports.get(key) ?? {}
    return { key, version, written_by: writer }
  })
}
