import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { secretForms } from '@plexd/runtime'
import { startControlPlane } from '../testing/harness.ts'
import { makeTemporaryFolder } from '../testing/temporary-folder.ts'

const main = join(import.meta.dirname, '../main.ts')

describe('plexd-control-plane bugreport', () => {
  it('shows a control plane that is down, without a secret of it', async () => {
    await using folder = await makeTemporaryFolder()
    const dataDir = join(folder.path, 'data')
    const secret = `canary-${crypto.randomUUID()}`
    {
      await using plane = await startControlPlane({ dataDir })
      await plane.enrol('web')
      await plane.admin.putSecret({
        params: { key: 'k' },
        body: { target: { selector: '*' }, value: secret },
      })
    }
    const config = join(folder.path, 'config.yaml')
    const url = 'https://user:canary-in-url@logs.example.com/x?q=canary-in-query'
    await writeFile(config, JSON.stringify({ forwards: [{ name: 'f', kind: 'loki', url }] }))
    await writeFile(join(dataDir, 'admin-token'), 'plx_admin_canary-in-token-file\n')
    const out = join(folder.path, 'report.tar.gz')
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [main, 'bugreport', '--data-dir', dataDir, '--listen', '127.0.0.1:9', '--out', out, '--json'],
      {
        encoding: 'utf8',
        env: { PATH: process.env.PATH, PLEXD_CP_CONFIG: config, MY_TOKEN: 'canary-in-environment' },
      },
    )
    assert.equal(status, 0, stderr)
    const { parts, notes } = JSON.parse(stdout)
    assert.match(notes[0], /the settings cannot be read: .*it holds credentials/)
    const errors = Object.fromEntries(
      parts.map(({ file, error }: { file: string; error?: string }) => [file, error]),
    )
    const whole = ['config.json', 'ready.json', 'doctor.json', 'databases.json', 'files.json']
    for (const file of whole) assert.equal(errors[file], undefined, file)

    execFileSync('tar', ['-xzf', out, '--strip-components=1'], { cwd: folder.path })
    const read = (name: string): string => readFileSync(join(folder.path, name), 'utf8')
    const databases = JSON.parse(read('databases.json'))['control-plane.db']
    assert.equal(databases.quick_check, 'ok')
    assert.equal(databases.rows.nodes, 1)
    assert.match(JSON.parse(read('ready.json')).port, /ECONNREFUSED/)
    const all = readdirSync(folder.path)
      .filter((name) => /\.(json|txt)$/.test(name))
      .map(read)
      .join('\n')
    const key = readFileSync(join(dataDir, 'master.key'), 'utf8').trim()
    const planted = ['url', 'query', 'token-file', 'environment'].map((name) => `canary-in-${name}`)
    for (const hidden of [secret, key, ...planted])
      for (const form of secretForms(hidden)) assert.ok(!all.includes(form), form)
  })
})
