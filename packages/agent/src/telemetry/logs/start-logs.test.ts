import assert from 'node:assert/strict'
import { appendFile, mkdtemp, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import type { LogRecord } from '@plexd/protocol'
import { createKeptLines, silentLog, systemClock } from '@plexd/runtime'
import { until } from '@plexd/runtime/testing'
import { defaultConfig } from '../../config/agent-config.ts'
import { createMemoryCollector } from '../testing/memory-collector.ts'
import { startLogs } from './start-logs.ts'

const options = {
  secrets: () => ['n0de-secret'],
  ownUnit: undefined,
  ownLines: () => [],
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
    await until('it looks', () => logs.sources()[1]?.detail === 'no such file yet')
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

  it('has the log of plexd itself, where it is not in the journal', async () => {
    const kept = createKeptLines()
    const collector = createMemoryCollector<LogRecord>()
    kept.add('{"level":"warn","msg":"one"}')
    await using logs = await startLogs({ ...options, ownLines: kept.list, collector, config })
    kept.add('{"level":"info","msg":"token=abc"}')
    await until('both', () => collector.entries.length === 2)
    assert.deepEqual(
      collector.entries.map(({ unit, severity, message }) => `${unit} ${severity} ${message}`),
      ['plexd warn one', 'plexd info token=[redacted]'],
    )
    assert.equal(logs.sources()[0]?.name, 'plexd')
  })

  it('says which entries can never be a file, and follows the others', async () => {
    const logsFiles = ['[', tmpdir(), join(tmpdir(), 'none-*.log')]
    const collector = createMemoryCollector<LogRecord>()
    await using logs = await startLogs({ ...options, collector, config: { ...config, logsFiles } })
    const states = () => logs.sources().map(({ name, state }) => [name, state])
    await until('it looks', () => logs.sources()[2]?.detail === 'no such file yet')
    assert.deepEqual(states().slice(1), [
      [logsFiles[1], 'failed'],
      [logsFiles[2], 'waiting'],
      ['[', 'failed'],
    ])
    assert.match(logs.sources()[1]?.detail ?? '', /^it is a folder: want the files in it/)
  })

  it('reads nothing if a pattern cannot be used', async () => {
    const collector = createMemoryCollector<LogRecord>()
    const starting = startLogs({ ...options, collector, config: { ...config, logsRedact: ['('] } })
    await assert.rejects(starting, { message: /^logs.redact: "\(" cannot be used: / })
  })
})
