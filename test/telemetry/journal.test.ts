import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { LogRecord, TelemetryRecord } from '@plexd/protocol'
import { journalSkip, openJournal, type TestJournal, until } from '@plexd/runtime/testing'
import type { AgentProcess } from '../../scripts/programs/agent.ts'
import { commandOf, runProgram } from '../../scripts/programs/program.ts'
import { openSystem } from '../support/open-system.ts'
import { follow, type Started } from '../support/started.ts'

const skip = journalSkip()

describe('the journal of a node', { skip }, () => {
  const system = openSystem()
  let journal: TestJournal
  let agent: AgentProcess
  let tail: Started

  before(async () => {
    journal = await openJournal()
    const config = join(system.folder, 'plexd.yaml')
    await writeFile(config, 'observe: { enabled: false }\nlogs: { files: ["["] }\n', {
      mode: 0o600,
    })
    const args = ['--config', config]
    agent = await system.startAgent('web-01', { args, prefix: journal.inside })
    await until('the journal to be read', async () => {
      const { stdout } = await runProgram('plexd', ['log-status', '--socket', agent.socket])
      return /journald +running/.test(stdout)
    })
    const [command = '', ...rest] = commandOf('plexctl', ['logs', 'web-01', '-f', '--json'])
    const env = { ...process.env, ...system.controlPlane.environment }
    tail = follow(spawn(command, rest, { env, stdio: 'pipe' }))
    await until('what plexd says of itself', () => find('plexd is up'))
  })
  after(async () => {
    await tail?.[Symbol.asyncDispose]()
    await journal?.[Symbol.asyncDispose]()
  })

  /** What was followed so far. */
  function find(message: string): LogRecord | undefined {
    const lines = tail.stdout().split('\n').slice(0, -1)
    const records = lines.map((line) => (JSON.parse(line) as TelemetryRecord).record as LogRecord)
    return records.find((record) => record.message === message)
  }

  it('is followed by plexctl: what logger says is there at once', async (test) => {
    const startedMs = performance.now()
    await journal.log('order 7 is late', 'shop')
    const record = await until('the line of logger', () => find('order 7 is late'))
    test.diagnostic(`${Math.round(performance.now() - startedMs)} ms from logger to plexctl`)
    assert.deepEqual([record.unit, record.severity, record.source], ['shop', 'warn', 'journald'])
  })

  it('has lines of JSON as message, severity and fields, without secrets', async () => {
    const line = { level: 'error', name: 'plexd', peer_id: 'n_db', token: 'abc', msg: 'peer lost' }
    await journal.say(JSON.stringify(line), 'plexd')
    const record = await until('the line of JSON', () => find('peer lost'))
    assert.deepEqual([record.unit, record.severity], ['plexd', 'error'])
    assert.deepEqual(record.fields, { peer_id: 'n_db', token: '[redacted]' })
  })

  it('is read by people: the message, then key=value', async () => {
    const { stdout } = await system.plexctl('logs', 'web-01', '--unit', 'plexd')
    assert.match(stdout, / plexd info: plexd is up version=\S+ node_id=n_\S+ url=https:\S+$/m)
    assert.match(stdout, / plexd error: peer lost peer_id=n_db token=\[redacted\]$/m)
    assert.doesNotMatch(stdout, /"msg"/)
    const { stdout: found } = await system.plexctl('logs', 'web-01', '--grep', 'peer_id=n_db')
    assert.equal(found.trim().split('\n').length, 1)
  })

  it('has an entry of logs.files that can never be a file as a problem, wherever one looks', async () => {
    const problem = 'logs from "[": it is not absolute: want the absolute path of a file'
    const onNode = ['--socket', agent.socket]
    const { stdout: status } = await runProgram('plexd', ['status', ...onNode])
    assert.ok(status.includes(problem), status)
    const { stdout: sources } = await runProgram('plexd', ['log-status', ...onNode])
    assert.match(sources, /^\[ +failed +it is not absolute/m)
    const doctor = await runProgram('plexd', ['doctor', ...onNode])
    assert.ok(doctor.stdout.includes(problem), doctor.stdout + doctor.stderr)
    await until('the control plane to know', async () => {
      const { stdout } = await system.plexctl('node', 'show', 'web-01')
      return stdout.includes('logs from "["')
    })
    assert.match(await agent.program().log(), /"msg":"an entry of logs.files can never be a file/)
  })
})
