import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { startBench } from '../../testing/run.ts'

const common = { reloads: false, waits_for_restart: false }
const items = [
  { name: 'listen', value: '0.0.0.0:8443', source: 'option', ...common },
  { name: 'backup_folder', value: null, source: 'default', ...common, reloads: true },
  { name: 'mesh_cidr', value: '10.9.0.0/16', source: 'config file', ...common },
]

describe('settings', () => {
  it('lists them with where they are from, and only those that are set', async () => {
    await using bench = await startBench({ 'GET /admin/v1/settings': { items } })
    const { stdout } = await bench.run(['settings', 'list'])
    assert.match(stdout, /^listen +0\.0\.0\.0:8443 +option +a restart$/m)
    assert.match(stdout, /^backup_folder +- +default +a reload$/m)
    const set = JSON.parse((await bench.run(['settings', 'list', '--set', '--json'])).stdout)
    assert.deepEqual(
      set.map(({ name }: { name: string }) => name),
      ['listen', 'mesh_cidr'],
    )
  })
})
