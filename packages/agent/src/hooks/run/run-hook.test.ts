import assert from 'node:assert/strict'
import { chmod, mkdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { findTool, silentLog, systemClock } from '@plexd/runtime'
import { openContainment } from '../../contain/containment.ts'
import { makeFolder } from '../../testing/node.ts'
import { readDeclaration } from '../declared/declaration.ts'
import { copyPlaces } from './private-copy.ts'
import { runHook } from './run-hook.ts'

const isRoot = process.geteuid?.() === 0
const hasBwrap = (await findTool('bwrap')) !== undefined

describe('runHook', () => {
  it('runs a hook as its user, who has a home and none of our variables', {
    skip: !isRoot,
  }, async () => {
    const { stdout } = await run('id -u; id -G; echo "$HOME"; env | grep -c .', { user: 'nobody' })
    assert.match(stdout, /^65534\n65534\n\/nonexistent\n/)
  })

  it('says which user there is none of', { skip: !isRoot }, async () => {
    await assert.rejects(run('true', { user: 'nobody-here' }), /there is no such user/)
  })

  it('reports what a hook prints and how it ends', async () => {
    assert.deepEqual(await run('echo out; echo err >&2; exit 3', {}), {
      exit_code: 3,
      stdout: 'out\n',
      stderr: 'err\n',
    })
  })

  it('lets a sandboxed hook see its copy, and not our files', {
    skip: !isRoot || !hasBwrap,
  }, async () => {
    const { stdout, stderr } = await run('ls "$DATA" 2>&1; touch /etc/x 2>&1; basename "$0"', {
      user: 'nobody',
      sandbox: 'namespaced',
    })
    assert.match(stdout, /hook\n$/, stderr)
    assert.match(stdout, /Read-only file system|Permission denied/)
  })
})

/** With a machine's own means of containing. */
async function run(body: string, declared: Record<string, unknown>) {
  await using folder = await makeFolder()
  await chmod(folder.path, 0o755)
  const dataDir = join(folder.path, 'data')
  await mkdir(join(folder.path, 'disk'), { mode: 0o700 })
  await symlink(join(folder.path, 'disk'), dataDir)
  await mkdir(join(folder.path, 'run'), { mode: 0o755 })
  await using containment = await openContainment({ dataDir, clock: systemClock, log: silentLog })
  const { declaration } = readDeclaration(declared)
  return await runHook(
    {
      hook: { name: 'hook', declaration },
      program: Buffer.from(`#!/bin/sh\n${body}\n`),
      variables: {},
    },
    {
      signal: new AbortController().signal,
      executionId: 'exec_1',
      action: 'hook',
      triggeredBy: {},
      outputBytes: 65_536,
    },
    {
      places: copyPlaces({ dataDir, socketPath: join(folder.path, 'run', 'api.sock') }),
      nodeId: () => 'n_test',
      runContained: containment.run,
    },
  )
}
