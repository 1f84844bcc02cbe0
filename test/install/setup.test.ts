import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { formatJoin, readJoin } from '@plexd/protocol'
import { exitCodes } from '@plexd/runtime'
import { freePort } from '@plexd/runtime/testing'
import { type Output, runProgram } from '../../scripts/programs/program.ts'
import { openSystem } from '../support/open-system.ts'

describe('plexd setup', () => {
  const system = openSystem()

  const newJoin = async (): Promise<string> =>
    (await system.plexctl('token', 'create', '--join')).stdout.trim()
  const configOf = (name: string): string => join(system.folder, `${name}.yaml`)
  const setup = (name: string, stdin: string, ...flags: string[]): Promise<Output> => {
    const place = ['--data-dir', join(system.folder, name), '--config', configOf(name)]
    const args = ['setup', '--yes', '--join-file', '-', '--no-mesh', ...place, ...flags]
    return runProgram('plexd', args, {}, stdin)
  }

  it('checks the way, writes what was chosen into the config, and enrols', async () => {
    await writeFile(configOf('web'), '# Ours.\nlog_level: warn # quiet\n', { mode: 0o640 })

    const { code, stdout, stderr } = await setup('web', await newJoin(), '--hostname', 'web-01')

    assert.equal(code, exitCodes.ok, stderr)
    assert.match(stderr, /name: +127.0.0.1 is an address\n/)
    assert.match(stderr, /port: +TCP port \d+ of 127.0.0.1 is open\n/)
    assert.match(stderr, /clock: +https:\/\/127.0.0.1:\d+ answers\n/)
    assert.match(stdout, /^hostname: web-01$/m)
    assert.match(stdout, /^next: plexd up --config .*web.yaml$/m)
    assert.equal(
      await readFile(configOf('web'), 'utf8'),
      `# Ours.\nlog_level: warn # quiet\ndata_dir: ${join(system.folder, 'web')}\nhostname: web-01\nmesh:\n  enabled: false\n`,
    )
    const { body } = await system.admin.getNode({ params: { node: 'web-01' } })
    assert.equal(body.hostname, 'web-01')
  })

  it('changes nothing on a machine that is a node already, and says so', async () => {
    const before = await readFile(configOf('web'), 'utf8')
    const { code, stdout, stderr } = await setup('web', '', '--mode', 'bridge', '--json')

    assert.equal(code, exitCodes.ok, stderr)
    assert.match(stderr, /this machine is set up already, as "web-01" of https:/)
    const { was_enrolled, hostname, config_keys, service } = JSON.parse(stdout)
    assert.deepEqual([was_enrolled, hostname, config_keys, service], [true, 'web-01', [], 'none'])
    assert.equal(await readFile(configOf('web'), 'utf8'), before)
  })

  it('stops at the step that fails, with nothing changed and the token still good', async () => {
    const text = await newJoin()
    const { url, ...rest } = readJoin(text)
    const closed = formatJoin({ ...rest, url: `https://127.0.0.1:${await freePort()}` })
    await writeFile(configOf('db'), '# Ours.\n')

    const port = await setup('db', closed)
    assert.equal(port.code, exitCodes.unreachable, port.stderr)
    assert.match(port.stderr, /FAILED +port: +TCP port \d+ of 127.0.0.1: .*ECONNREFUSED/)
    assert.match(port.stderr, /nothing was changed, and the token is still good/)
    const name = await setup('db', formatJoin({ ...rest, url: 'https://cp.plexd.invalid' }))
    assert.match(name.stderr, /FAILED +name: +cp.plexd.invalid: /)
    const nothing = await setup('db', '')
    assert.equal(nothing.code, exitCodes.usage, nothing.stderr)
    assert.equal(existsSync(join(system.folder, 'db')), false)
    assert.equal(await readFile(configOf('db'), 'utf8'), '# Ours.\n')

    const { code, stderr } = await setup('db', text)
    assert.equal(code, exitCodes.ok, stderr)
    assert.ok(url.startsWith('https://'))
  })
})
