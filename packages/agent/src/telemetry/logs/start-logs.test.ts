import assert from 'node:assert/strict'
import { appendFile, mkdtemp, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import type { LogRecord } from '@plexd/protocol'
import { silentLog, systemClock } from '@plexd/runtime'
import { until } from '@plexd/runtime/testing'
import { defaultConfig } from '../../config/agent-config.ts'
import { createMemoryCollector } from '../testing/memory-collector.ts'
import { startLogs } from './start-logs.ts'

const options = {
  secrets: () => ['n0de-secret'],
  ownUnit: 'plexd.service',
  clock: systemClock,
  log: silentLog,
}
const config = { ...defaultConfig, hostname: 'web-01', logsJournald: false }

describe('startLogs', () => {
  it('follows files as they are written, and sends nothing that is a secret', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'plexd-logs-'))
    const path = join(folder, 'app.log')
    const collector = createMemoryCollector<LogRecord>()
    const logsFiles = [join(folder, '*.log')]
    await using logs = await startLogs({ ...options, collector, config: { ...config, logsFiles } })
    await until('it looks', () => logs.sources()[0]?.detail === 'no such file yet')
    await appendFile(path, 'ERROR password=hunter2 n0de-secret\n')
    await until('the first line', () => collector.entries.length === 1)
    await rename(path, join(folder, 'app.log.1'))
    await appendFile(join(folder, 'app.log.1'), 'late\n')
    await appendFile(path, 'next\n')
    await until('the others', () => collector.entries.length === 3)
    assert.deepEqual(
      collector.entries.map(({ message, severity }) => `${severity}: ${message}`).toSorted(),
      ['error: ERROR password=[redacted] [redacted]', 'info: late', 'info: next'],
    )
    await rm(folder, { recursive: true })
  })

  it('reads nothing if a pattern cannot be used', async () => {
    const collector = createMemoryCollector<LogRecord>()
    const starting = startLogs({ ...options, collector, config: { ...config, logsRedact: ['('] } })
    await assert.rejects(starting, { message: /^logs.redact: "\(" cannot be used: / })
  })
})
