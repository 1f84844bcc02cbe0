import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { startBench } from '../../testing/run.ts'

describe('support bundle', () => {
  it('has what this operator may see, and says what was refused', async () => {
    await using bench = await startBench({
      'GET /admin/v1/whoami': { name: 'plx_admin_test', role: 'viewer', tenant: 'default' },
      'GET /metrics': { proxy: 'https://user:canary-password@proxy/' },
    })
    const out = join(bench.folder, 'bundle.tar.gz')
    const env = { SOME_TOKEN: 'canary-environment' }
    const flags = ['--node', 'web', '--node', 'web', '--out', out, '--json']
    const { stdout } = await bench.run(['support', 'bundle', ...flags], { env })

    const { file, parts, notes } = JSON.parse(stdout)
    assert.equal(file, out)
    assert.match(notes[0], /plexd-control-plane bugreport/)
    const refused = parts.filter(({ error }: { error?: string }) => error !== undefined)
    assert.ok(refused.some((part: { file: string }) => part.file === 'nodes/web.json'))
    execFileSync('tar', ['-xzf', out, '--strip-components=1'], { cwd: bench.folder })
    const read = (name: string): string => readFileSync(join(bench.folder, name), 'utf8')
    assert.deepEqual(JSON.parse(read('whoami.json')), {
      name: '[redacted]',
      role: 'viewer',
      tenant: 'default',
    })
    assert.match(read('metrics.txt'), /https:\/\/\[redacted\]@proxy/)
    assert.deepEqual(JSON.parse(read('manifest.json')).parts, parts)
  })
})
