import type { LogRecord } from '@plexd/protocol'
import { unitInJournal } from '../../actions/log-reader.ts'
import { knownSecrets } from '../../identity/known-secrets.ts'
import type { Collecting, Collector } from '../../telemetry/buffer/collector.ts'
import { startLogs } from '../../telemetry/logs/start-logs.ts'
import type { Enrolled } from '../stages/enrolled.ts'

/** What programs of this machine say, plexd among them. Rejects if a pattern of the settings cannot be used. */
export function collectLogs(collector: Collector<LogRecord>, node: Enrolled): Promise<Collecting> {
  const { config, identity, keptLog, clock, log } = node
  return startLogs({
    collector,
    config,
    // Without those of peers: there may be thousands, and no program prints them.
    secrets: () => knownSecrets({ config, identity: identity.current(), peers: [] }),
    ownUnit: unitInJournal(),
    ownLines: keptLog,
    clock,
    log,
  })
}
