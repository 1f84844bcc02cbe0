import assert from 'node:assert/strict'
import { appendFile, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { AuditRecord } from '@plexd/protocol'
import { silentLog, systemClock } from '@plexd/runtime'
import { until } from '@plexd/runtime/testing'
import { createMemoryCollector } from '../../testing/memory-collector.ts'
import type { AuditStatus } from '../kernel/audit-kernel.ts'
import { opened, renamed } from '../testing/samples.ts'
import { createAuditIntake } from './intake.ts'
import { createLostRecords } from './lost-records.ts'
import { startLinuxAudit } from './start-linux.ts'

describe('startLinuxAudit', () => {
  let folder = ''
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'plexd-audit-'))
  })
  after(() => rm(folder, { recursive: true }))

  function start(places: readonly string[], watch: readonly string[] = []) {
    const collector = createMemoryCollector<AuditRecord>()
    const intake = createAuditIntake({
      ...{ collector, boot: 'b', clock: systemClock, hostname: 'web-01', redact: (text) => text },
      ...{ keys: [], types: [], ownPid: 1, ownProgram: '', isOwnProcess: () => false },
    })
    const told: string[] = []
    const kernel = {
      status: async (): Promise<AuditStatus> => ({ enabled: 'off', daemonPid: 7, lost: 0 }),
      enable: async (isEnabled: boolean) => void told.push(`enabled ${isEnabled}`),
      watch: async ({ path }: { path: string }) => void told.push(path),
      unwatchAll: async () => told.push('no rules'),
    }
    const audit = startLinuxAudit({
      ...{ collector, intake, places, watch, kernel, openSocket: () => undefined },
      ...{ clock: systemClock, log: silentLog },
    })
    const state = () => audit.sources()[0]
    return { audit, collector, told, state }
  }

  it('follows the log of auditd through a rotation', async () => {
    const path = join(folder, 'audit.log')
    await writeFile(path, `${renamed.join('\n')}\n`)
    const { audit, collector, state } = start([join(folder, 'no.log'), path, 'netlink'])
    await using _ended = audit
    await until('it reads', () => collector.sources().some((source) => source.startsWith('file:')))
    await appendFile(path, `${opened.slice(0, 2).join('\n')}\n`)
    await rename(path, `${path}.1`)
    await writeFile(path, `${opened.slice(2, -1).join('\n')}\n`)
    await until('the event', () => collector.entries.length === 1)
    assert.equal(collector.entries[0]?.action, 'open')
    assert.match(
      state()?.detail ?? '',
      /^log .*audit\.log; .*no\.log: it is not there; .*1 events$/,
    )
  })

  it('reads what the plugin of auditd sends', async () => {
    const path = join(folder, 'events')
    const server = createServer((socket) => socket.end(`${opened.join('\n')}\n`)).listen(path)
    const { audit, collector, state } = start(['netlink', path])
    await using _ended = audit
    await until('the event', () => collector.entries.length === 1)
    await until('the end', () => state()?.state === 'failed')
    assert.match(state()?.detail ?? '', /^auditd has closed the connection; /)
    server.close()
  })

  it('says why it has none, and has the kernel watch only as long as it runs', async () => {
    const { audit, told, state } = start(['netlink', folder], [folder])
    await until('both', () => state()?.state === 'failed' && told.includes(folder))
    assert.match(
      state()?.detail ?? '',
      /^netlink: the kernel refuses \(CAP_AUDIT_READ\); .*: it is neither a log nor a socket/,
    )
    await audit[Symbol.asyncDispose]()
    assert.deepEqual(told, ['no rules', 'enabled true', folder, 'no rules', 'enabled false'])
  })
})

describe('what the kernel itself has lost', () => {
  it('is counted from the start on, but not what it could only not hold for an auditd', async () => {
    const status = { enabled: 'on', daemonPid: 0, lost: 5 } as const
    const usual = createLostRecords(async () => 'quiet')
    const fromBoot = createLostRecords(async () => 'quiet audit=1')
    for (const lost of [usual, fromBoot]) assert.equal(await lost.since(status), 0)
    assert.equal(await usual.since({ ...status, lost: 8 }), 3)
    assert.equal(await fromBoot.since({ ...status, lost: 8 }), 0)
    assert.equal(await fromBoot.since({ ...status, lost: 9, daemonPid: 7 }), 1)
  })
})
