import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { createAuditKernel, loadRawSocket } from '@plexd/agent'
import type { AuditRecord } from '@plexd/protocol'
import { systemClock } from '@plexd/runtime'
import { until } from '@plexd/runtime/testing'
import { runToEnd } from '../../scripts/programs/program.ts'
import { openSystem } from '../support/open-system.ts'

const kernel = createAuditKernel(await loadRawSocket(), systemClock)
const before = await kernel.status().catch(() => undefined)
// The audit of the kernel is one for the machine: it is switched on for this test only where nobody else uses it.
const skip =
  before?.enabled === 'off' && before.daemonPid === 0
    ? false
    : 'the audit of this machine is in use, or cannot be used from here'

describe('the audit of a machine', { skip }, () => {
  const system = openSystem()

  it('has the open of a watched file, who did it, and nothing of plexd; the kernel is as before afterwards', async () => {
    const folder = join(system.folder, 'books')
    await mkdir(folder)
    await writeFile(join(folder, 'a ledger'), '')
    const config = join(system.folder, 'audit.yaml')
    const audit = { enabled: true, watch: [folder], sources: ['netlink'], keys: ['plexd'] }
    await writeFile(config, JSON.stringify({ audit }))
    const agent = await system.startAgent('web-01', { args: ['--config', config] })
    await until('it is watched', async () => (await kernel.status()).enabled === 'on')

    const path = join(folder, 'a ledger')
    const opened = await until('the record', async () => {
      await runToEnd('cat', [path])
      return (await records()).find(({ object }) => (object as { path?: string }).path === path)
    })
    const { action, result, subject, hostname } = opened
    const { comm, uid } = subject as { comm: string; uid: number } // as of any system call
    assert.deepEqual([action, result, comm, uid], ['open', 'success', 'cat', 0])
    assert.equal(hostname, 'web-01')

    const { pid } = agent.program().child
    await agent.end()
    assert.equal((await kernel.status()).enabled, 'off')
    assert.equal(await kernel.unwatchAll(), 0)
    const own = (await records()).filter(
      (record) => (record.subject as { pid?: number }).pid === pid,
    )
    assert.deepEqual(own, [])
  })

  async function records(): Promise<AuditRecord[]> {
    const { body } = await system.admin.listTelemetry({
      params: { node: 'web-01', kind: 'audit' },
    })
    return body.items.map(({ record }) => record as AuditRecord)
  }
})
