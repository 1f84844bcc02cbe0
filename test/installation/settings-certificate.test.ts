import assert from 'node:assert/strict'
import { copyFile, mkdtempDisposable, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { startRememberingAgent } from '@plexd/agent/testing'
import type { Announcement } from '@plexd/protocol'
import { until } from '@plexd/runtime/testing'
import { startControlPlaneProcess } from '../../scripts/programs/control-plane.ts'
import { runProgram } from '../../scripts/programs/program.ts'
import { allTrust, callAdmin } from './installation.ts'

const patienceMs = 60_000

it('a node is told of no authority of the control plane while its certificate is one of the settings, and of both again after that', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'plexd-certificate-'))
  const settings = join(folder.path, 'control-plane.yaml')
  await writeFile(settings, '')
  await using plane = await startControlPlaneProcess(folder.path, { args: ['--config', settings] })
  const { join: joinString } = await callAdmin(plane, (admin) => admin.createToken({ body: {} }))
  await using web = await startRememberingAgent(folder.path, { hostname: 'web', join: joinString })
  const toldOf = (count: number): Promise<Announcement> =>
    until(
      `it is told of ${count} authorities`,
      async () => {
        const file = await readFile(join(web.dataDir, 'announcement.json'), 'utf8').catch(() => '')
        const announcement = file === '' ? undefined : (JSON.parse(file) as Announcement)
        return announcement?.authorities.length === count && announcement
      },
      patienceMs,
    )

  await callAdmin(plane, (admin) => admin.prepareAuthority({}))
  const first = await toldOf(2)
  // The node trusts it, and it is the operator's all the same.
  const [cert, key] = [join(folder.path, 'own.crt'), join(folder.path, 'own.key')]
  await copyFile(join(plane.dataDir, 'tls/server.crt'), cert)
  await copyFile(join(plane.dataDir, 'tls/server.key'), key)
  await plane.end()
  await writeFile(settings, `tls_cert: ${cert}\ntls_key: ${key}\n`)
  await plane.start()

  const second = await toldOf(0)
  assert.ok(second.sequence > first.sequence)
  const { stdout } = await runProgram('plexctl', ['authority', 'status'], plane.environment)
  assert.match(stdout, /^no effect: +its certificate is one of the settings \(tls_cert\)/)
  for (const step of [['prepare'], ['activate'], ['retire', '--yes']]) {
    const { code, stderr } = await runProgram('plexctl', ['authority', ...step], plane.environment)
    assert.equal(code, 1)
    assert.match(stderr, /authority: it would have no effect: its certificate is one of the set/)
  }
  assert.deepEqual(web.agent().status().problems, [])

  await writeFile(settings, '')
  plane.program().child.kill('SIGHUP')
  const third = await toldOf(2)
  assert.deepEqual(third.authorities, first.authorities)
  await until('it trusts both', () => allTrust(plane), patienceMs)
})
