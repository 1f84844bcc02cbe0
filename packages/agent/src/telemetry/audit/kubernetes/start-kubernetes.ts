import { stat } from 'node:fs/promises'
import type { AuditRecord, SourceStatus } from '@plexd/protocol'
import { type Clock, type Log, orAborted } from '@plexd/runtime'
import { startTask } from '../../../process/task.ts'
import type { Collecting, Collector } from '../../buffer/collector.ts'
import { startFiles } from '../../logs/files/start-files.ts'
import type { Intake } from '../../logs/records/intake.ts'
import { restAfter } from '../../logs/records/rest.ts'
import type { RecordRules } from '../events/audit-record.ts'
import { toKubernetesRecord } from './kubernetes-record.ts'

export interface KubernetesAuditOptions extends RecordRules {
  collector: Collector<AuditRecord>
  /** Undefined: that of most API servers, if there is one. */
  path: string | undefined
  clock: Clock
  log: Log
}

/** As the documentation of Kubernetes has it (`--audit-log-path`). */
const usualPath = '/var/log/kubernetes/audit/audit.log'
const lookMs = 60_000
const noEvents = 'lines that are no audit events of Kubernetes'

/** Follows the audit file of a Kubernetes API server, through its rotations. */
export function startKubernetesAudit(options: KubernetesAuditOptions): Collecting {
  const { collector, path = usualPath, clock, log } = options
  let unreadable = 0
  let files: Collecting | undefined

  const intake: Intake = {
    async add(said, _bytes, cursor, signal) {
      const sinceMs = clock.monotonic()
      const rules = { ...options, nowMs: clock.now() }
      const records = said.flatMap(({ text }) => toKubernetesRecord(text, rules) ?? [])
      const tookMs = clock.monotonic() - sinceMs
      const lost = said.length - records.length
      await orAborted(collector.append(records, cursor), signal)
      unreadable += lost
      if (lost > 0) await orAborted(collector.lost(lost, noEvents), signal)
      await restAfter(tookMs, clock, signal)
    },
  }

  const finding = startTask(async (signal) => {
    while (!(await stat(path).catch(() => undefined))) await clock.sleep(lookMs, signal)
    files = startFiles({ patterns: [path], collector, intake, isFirst: undefined, clock, log })
  })

  function sources(): SourceStatus[] {
    const told = unreadable > 0 ? [`${unreadable} lines that are no events`] : []
    const found = files?.sources() ?? []
    if (found.length > 0)
      return found.map((one) => ({ ...one, detail: [one.detail, ...told].join('; ') }))
    // A machine without Kubernetes has nothing to say of it.
    if (options.path === undefined) return []
    return [{ name: path, state: 'waiting', detail: 'there is no such file yet' }]
  }

  return {
    sources,
    async [Symbol.asyncDispose]() {
      await finding[Symbol.asyncDispose]()
      await files?.[Symbol.asyncDispose]()
    },
  }
}
