import type { LogRecord, SourceStatus } from '@plexd/protocol'
import { type Clock, handOver, type KeptLine, type Log } from '@plexd/runtime'
import type { AgentConfig } from '../../config/agent-config.ts'
import { faultOfLogFile } from '../../config/log-files.ts'
import type { Collecting, Collector } from '../buffer/collector.ts'
import { startFiles } from './files/start-files.ts'
import { startJournal } from './journal/start-journal.ts'
import { startOwnLog } from './own-log.ts'
import { createIntake } from './records/intake.ts'
import { compilePattern } from './records/pattern.ts'
import { createRedaction } from './records/redaction.ts'

export interface LogsOptions {
  collector: Collector<LogRecord>
  config: Pick<
    AgentConfig,
    | 'hostname'
    | 'logsJournald'
    | 'logsFiles'
    | 'logsUnits'
    | 'logsSeverity'
    | 'logsRedact'
    | 'logsMultiline'
    | 'logsJson'
    | 'auditEnabled'
  >
  /** Those of plexd, few: they are looked for in each record. */
  secrets(): readonly string[]
  /** The unit of systemd whose log in the journal is plexd's own; undefined if that does not go there. */
  ownUnit: string | undefined
  ownLines(): readonly KeptLine[]
  clock: Clock
  log: Log
}

/** Reads what `logs` names. Rejects if a pattern cannot be used: nothing may leave the machine that was to be redacted. */
export async function startLogs(options: LogsOptions): Promise<Collecting> {
  const { collector, config, secrets, ownUnit, clock, log } = options
  const redact = await createRedaction(config.logsRedact, secrets)
  const { logsMultiline, logsUnits, logsFiles } = config
  const first =
    logsMultiline === undefined ? undefined : await compilePattern('logs.multiline', logsMultiline)
  const { hostname, logsSeverity: least, logsJson } = config
  const rules = { hostname, least, redact, json: logsJson === 'auto' }
  const intake = createIntake({ ...rules, collector, clock })
  const shared = { collector, intake, clock, log }

  await using stack = new AsyncDisposableStack()
  const sources: Collecting[] = []
  if (config.logsJournald) {
    const own = logsUnits.length > 0 && ownUnit !== undefined ? [ownUnit] : []
    const journal = { units: [...logsUnits, ...own], leavesAudit: config.auditEnabled }
    sources.push(stack.use(startJournal({ ...shared, ...journal })))
  }
  if (!config.logsJournald || ownUnit === undefined)
    sources.push(stack.use(startOwnLog({ ...shared, lines: options.ownLines })))
  const patterns = logsFiles.filter((one) => faultOfLogFile(one) === undefined)
  if (patterns.length > 0)
    sources.push(stack.use(startFiles({ ...shared, patterns, isFirst: first?.test })))
  const never = logsFiles.flatMap(neverFollowed)
  return {
    sources: () => [...sources.flatMap((one) => one.sources()), ...never],
    [Symbol.asyncDispose]: handOver(stack),
  }
}

function neverFollowed(name: string): SourceStatus[] {
  const detail = faultOfLogFile(name)
  return detail === undefined ? [] : [{ name, state: 'failed', detail }]
}
