import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { exec } from '@plexd/runtime'
import { labSkip } from '../scripts/laboratory/requirements.ts'
import { runToEnd } from '../scripts/programs/program.ts'
import { markedPrograms, markName } from '../scripts/tests/marked.ts'
import { differences, type Outside } from '../scripts/tests/outside.ts'
import { until } from './support/until.ts'

const mark = join(import.meta.dirname, '../scripts/tests/mark.ts')
const run = join(import.meta.dirname, '../scripts/tests/run.ts')

/** Starts a program that starts another, each in a session of its own, and never ends. */
const endless = `
  import { spawn } from 'node:child_process'
  import { it } from 'node:test'
  it('hangs', async () => {
    spawn('setsid', ['sh', '-c', 'setsid sleep 600 & sleep 600'], { stdio: 'ignore' })
    await new Promise((resolve) => setTimeout(resolve, 600_000))
  })
`

describe('a test that is given up', () => {
  it('takes the programs along that it has started', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'plexd-given-up-'))
    const file = join(folder, 'endless.test.ts')
    await writeFile(file, endless)
    const outer = `outer${process.pid}`
    const flags = ['--test', '--test-timeout=1500', '--test-force-exit', '--import', mark]
    // Without the variable it is no part of the run that this test belongs to.
    const command = ['-u', 'NODE_TEST_CONTEXT', process.execPath, ...flags, file]

    const { stdout } = await runToEnd('env', command, { [markName]: outer })

    assert.match(stdout, /cancelled 1|fail 1/)
    await until('its programs are gone', () => markedPrograms(outer).length === 0)
    await rm(folder, { recursive: true })
  })
})

describe('a run of tests', () => {
  it('is not blamed for what one that was killed has left', { skip: labSkip() }, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'plexd-left-'))
    const file = join(folder, 'passes.test.ts')
    await writeFile(file, `import { it } from 'node:test'\nit('passes', () => {})\n`)
    const ended = spawnSync('true').pid
    const left = `plexdlab-${ended}-left`
    await exec(['ip', 'netns', 'add', left])
    const command = ['-u', 'NODE_TEST_CONTEXT', '-u', 'CI', process.execPath, run, file]

    const { code, stdout } = await runToEnd('env', command)

    assert.deepEqual({ code, stdout }, { code: 0, stdout })
    assert.doesNotMatch(await exec(['ip', 'netns', 'list']), new RegExp(left))
    await rm(folder, { recursive: true })
  })
})

describe('differences', () => {
  it('names what came and what went', () => {
    const before: Outside = { groups: ['root', 'plexd'], mounts: ['/'] }
    const after: Outside = { groups: ['root', 'plexd-secrets'], mounts: ['/'] }
    assert.deepEqual(differences(before, after), ['groups: + plexd-secrets', 'groups: - plexd'])
  })
})
