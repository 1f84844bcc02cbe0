import type { ExecutionResult } from '@plexd/protocol'
import { parseResult } from '../executions/parse-result.ts'
import type { Limits } from '../limits.ts'
import { parseReports, type ReadReports } from '../reports/parse.ts'
import { salvageReports } from '../reports/salvage.ts'
import { type Batch, parseBatch } from '../telemetry/packs/batch.ts'

/** What is extracted from large bodies. Pure; the results are rows and texts, which are cheap to transfer. */
export const tasks = {
  metrics: (body: Uint8Array, limits: Limits): Batch => parseBatch('metrics', body, limits),
  logs: (body: Uint8Array, limits: Limits): Batch => parseBatch('logs', body, limits),
  audit: (body: Uint8Array, limits: Limits): Batch => parseBatch('audit', body, limits),
  reports: parseReports,
  someReports: salvageReports,
  result: parseResult,
} satisfies Record<
  string,
  (body: Uint8Array, limits: Limits) => Batch | ReadReports | ExecutionResult
>

export type TaskName = keyof typeof tasks
export type ResultOf<Name extends TaskName> = ReturnType<(typeof tasks)[Name]>
