import type { LogRecord } from '@plexd/protocol'
import { type Clock, handOver, type Log } from '@plexd/runtime'
import type { AgentConfig } from '../../config/agent-config.ts'
import type { Collector } from '../buffer/collector.ts'
import { startFiles } from './files/start-files.ts'
import { createIntake } from './intake.ts'
import { type LogSource, startJournal } from './journal.ts'
import { compilePattern } from './pattern.ts'
import { createRedaction } from './redaction.ts'

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
  >
  /** Those of plexd, few: they are looked for in each record. */
  secrets(): readonly string[]
  /** The unit of systemd that plexd itself is; undefined for none. */
  ownUnit: string | undefined
  clock: Clock
  log: Log
}

/** Reads what `logs` names. Rejects if a pattern cannot be used: nothing may leave the machine that was to be redacted. */
export async function startLogs(options: LogsOptions): Promise<LogSource> {
  const { collector, config, secrets, ownUnit, clock, log } = options
  const redact = await createRedaction(config.logsRedact, secrets)
  const { logsMultiline, logsUnits, logsFiles } = config
  const first =
    logsMultiline === undefined ? undefined : await compilePattern('logs.multiline', logsMultiline)
  const rules = { hostname: config.hostname, least: config.logsSeverity, redact }
  const intake = createIntake({ ...rules, collector, clock })
  const shared = { collector, intake, clock, log }

  await using stack = new AsyncDisposableStack()
  const sources: LogSource[] = []
  if (config.logsJournald) {
    const own = logsUnits.length > 0 && ownUnit !== undefined ? [ownUnit] : []
    sources.push(stack.use(startJournal({ ...shared, units: [...logsUnits, ...own] })))
  }
  if (logsFiles.length > 0)
    sources.push(stack.use(startFiles({ ...shared, patterns: logsFiles, isFirst: first?.test })))
  return {
    sources: () => sources.flatMap((one) => one.sources()),
    [Symbol.asyncDispose]: handOver(stack),
  }
}
