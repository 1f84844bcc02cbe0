import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { formatJoin, readJoin } from '@plexd/protocol'
import { exitCodes } from '@plexd/runtime'
import { freePort } from '@plexd/runtime/testing'
import { commandOf, type Output, runProgram, runToEnd } from '../../scripts/programs/program.ts'
import { openSystem } from '../support/open-system.ts'

describe('plexd join', () => {
  const system = openSystem()

  const joinPiped = (flags: readonly string[], stdin: string): Promise<Output> =>
    runProgram('plexd', ['join', '--data-dir', join(system.folder, 'piped'), ...flags], {}, stdin)

  it('says whose an enrolled machine is, and does not take it for another one', async () => {
    const own = (await system.plexctl('token', 'create', '--join')).stdout.trim()
    await joinPiped(['--hostname', 'piped'], own)
    const at = `of "${system.controlPlane.url}"`
    const again = await joinPiped([], own)
    assert.equal(again.code, exitCodes.ok, again.stderr)
    assert.ok(again.stderr.includes(`enrolled already, as "piped" ${at}`), again.stderr)
    const { token, ca = '' } = readJoin(own)
    const moved = formatJoin({ url: 'https://moved.example.com', token, ca })
    assert.equal((await joinPiped([], moved)).code, exitCodes.ok)

    const text = formatJoin({
      url: 'https://b.example.com',
      token,
      ca: `sha256:${'0b'.repeat(32)}`,
    })
    const open = commandOf('plexd', ['join', '--data-dir', join(system.folder, 'piped')]).join(' ')
    const unsaid = await runToEnd('sh', [
      '-c',
      `{ sleep 60 & echo $!; wait; } | { read pid; ${open}; kill $pid; }`,
    ])
    assert.match(unsaid.stdout, /^node_id: /, 'nothing comes, and the pipe stays open')
    for (const flags of [[], ['--join-file', '-']]) {
      const { code, stderr } = await joinPiped(flags, text)
      assert.equal(code, exitCodes.failed, stderr)
      assert.ok(stderr.includes('join "https://b.example.com": this machine is enrolled'), stderr)
      assert.ok(stderr.includes(`as "piped" ${at}: to move it, leave with`), stderr)
    }
  })

  it('tells a person in words that it tries on', async () => {
    const url = `https://127.0.0.1:${await freePort()}`
    const file = join(system.folder, 'away')
    await writeFile(file, formatJoin({ url, token: 'plx_enroll_a' }), { mode: 0o600 })
    const config = join(system.folder, 'away.yaml')
    await writeFile(config, 'registration: {maxretryduration: 2s}\n')
    const flags = ['--data-dir', join(system.folder, 'away-data'), '--config', config]
    const command = commandOf('plexd', ['join', '--join-file', file, ...flags]).join(' ')
    const { code, stdout } = await runToEnd('script', ['-qec', command, '/dev/null'])

    assert.equal(code, exitCodes.unreachable, stdout)
    const line =
      /^plexd: registration failed, will retry: connect to control plane "https:.*ECONNREFUSED.* \(retry_in_ms=\d+\)\r$/m
    assert.match(stdout, line)
    assert.ok(!stdout.includes('{'), stdout)
  })
})
