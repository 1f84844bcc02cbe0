import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, it } from 'node:test'
import { formatJoin } from '@plexd/protocol'
import { exitCodes } from '@plexd/runtime'
import { serve } from '@plexd/runtime/testing'
import { parse } from 'yaml'
import { type Bench, startBench } from '../../../testing/run.ts'

const join = formatJoin({ url: 'https://cp.example.com', token: 'plx_enroll_abc' })
const created = { token: 'plx_enroll_abc', join, expires_at: '2025-01-15T11:30:00Z', warnings: [] }
const script = '#!/bin/sh\n# --join\nkeys="-----BEGIN PUBLIC KEY-----"\n'
const checksum = createHash('sha256').update(script).digest('hex')

const startCreating = (): Promise<Bench> => startBench({ 'POST /admin/v1/tokens': created })
const create = (bench: Bench, ...flags: string[]): ReturnType<Bench['run']> =>
  bench.run(['token', 'create', ...flags])

describe('token create --install-command', () => {
  it('prints lines that run the installer as it is now, with the join string behind them', async () => {
    await using bench = await startCreating()
    await using build = await serve((_request, response) => response.end(script))

    const { stdout, stderr } = await create(bench, '--install-command', '--from', build.url)

    assert.ok(stdout.includes(`echo "${checksum}  $plexd_dir/install.sh" | sha256sum -c - &&`))
    const [first, ...lines] = stdout.split('\n')
    assert.equal(first, ' (set +o history) 2>/dev/null && set +o history')
    const last = [join, 'END', ' (set -o history) 2>/dev/null && set -o history', '']
    assert.deepEqual(lines.slice(-5), [
      `   sudo sh "$plexd_dir/install.sh" --from '${build.url}' --join <<'END'`,
      ...last,
    ])
    assert.match(stderr, /paste it into a shell on the node; it leads to https:\/\/cp.example.com/)
  })

  it('makes no token if there is no installer, or one that trusts nobody', async () => {
    await using bench = await startCreating()
    let answer = script.replace('BEGIN PUBLIC KEY', '')
    await using build = await serve((_request, response) => response.end(answer))
    const flags = ['--cloud-init', '--from', build.url]

    await assert.rejects(create(bench, ...flags), /it trusts no key: make the build with/)
    answer = '<html>'
    await assert.rejects(create(bench, ...flags), /it is no installer of plexd/)
    await assert.rejects(
      create(bench, '--cloud-init'),
      /where do nodes get plexd from: give --from/,
    )
    const wrong = { message: /want https:\/\//, exitCode: exitCodes.usage }
    for (const from of ['http://example.com', 'dl.example.com', 'https://u:p@example.com'])
      await assert.rejects(create(bench, '--install-command', '--from', from), wrong)
    await assert.rejects(create(bench, '--from', build.url), /--install-command or --cloud-init/)
    await assert.rejects(create(bench, ...flags, '--install-command'), /cannot be used with/)
    assert.deepEqual(bench.server.lines(), [])
  })
})

describe('token create --cloud-init', () => {
  it('prints user data: the join string in a file for root, and a script that is one argument', async () => {
    await using bench = await startCreating()
    await using build = await serve((_request, response) => response.end(script))

    const { stdout } = await create(bench, '--cloud-init', '--from', `${build.url}/a'b/`)

    assert.match(stdout, /^#cloud-config\n/)
    const { write_files, runcmd } = parse(stdout)
    const path = '/run/plexd-install/join'
    const file = { path, owner: 'root:root', permissions: '0600', content: `${join}\n` }
    assert.deepEqual(write_files, [file])
    const [[shell, option, lines]] = runcmd
    assert.deepEqual([shell, option], ['sh', '-c'])
    assert.ok(lines.includes(`--from '${build.url}/a'\\''b' --join < join\n`))
    assert.ok(!lines.includes(join))
  })

  it('is in the JSON too', async () => {
    await using bench = await startCreating()
    await using build = await serve((_request, response) => response.end(script))

    const { stdout } = await create(bench, '--cloud-init', '--from', build.url, '--json')

    const { join: word, install_command, cloud_init } = JSON.parse(stdout)
    assert.equal(word, join)
    assert.ok(install_command.includes(join) && cloud_init.startsWith('#cloud-config\n'))
  })
})
