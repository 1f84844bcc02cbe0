import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { runProgram } from '../../scripts/programs/program.ts'

it('plexd doctor names each program that it lacks, with the package that brings it', async () => {
  const empty = await mkdtemp(join(tmpdir(), 'plexd-path-'))
  const args = ['doctor', '--json', '--config', '/dev/null', '--data-dir', join(empty, 'data')]

  const { code, stdout } = await runProgram('plexd', args, { PATH: empty })

  const findings: { check: string; state: string; detail: string; remedy?: string }[] =
    JSON.parse(stdout)
  const of = (name: string) => findings.find(({ check }) => check === `tool ${name}`)
  assert.deepEqual(of('setpriv'), {
    check: 'tool setpriv',
    state: 'failed',
    detail:
      '"setpriv" is not installed, which ends "ip monitor" together with plexd, and runs hooks as their user',
    remedy: 'apt-get install util-linux',
  })
  assert.equal(of('getent')?.state, 'warning')
  assert.equal(of('getent')?.remedy, 'apt-get install libc-bin')
  assert.equal(code, 1)
  await rm(empty, { recursive: true })
})
