import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { exec } from '@plexd/runtime'
import { until } from '@plexd/runtime/testing'
import { labSkip } from '../scripts/laboratory/requirements.ts'
import { type Output, runToEnd } from '../scripts/programs/program.ts'
import type { FileOutcome } from '../scripts/tests/file-reporter.ts'
import { markedPrograms, markName } from '../scripts/tests/marked.ts'
import { differences, type Outside } from '../scripts/tests/outside.ts'
import type { Run } from '../scripts/tests/runner.ts'
import { filesToRunAgain } from '../scripts/tests/second-run.ts'

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
    const ended = spawnSync('true').pid
    const left = `plexdlab-${ended}-left`
    await exec(['ip', 'netns', 'add', left])

    const { code, stdout } = await runFiles({ passes: `it('passes', () => {})` })

    assert.deepEqual({ code, stdout }, { code: 0, stdout })
    assert.doesNotMatch(await exec(['ip', 'netns', 'list']), new RegExp(left))
  })

  it('passes, and names the file, when what failed passes a second time, alone', async () => {
    const { code, stdout } = await runFiles({
      passes: `it('passes', () => {})`,
      once: `
        const seen = import.meta.filename + '.seen'
        it('fails once', () => {
          if (existsSync(seen)) return
          writeFileSync(seen, '')
          throw new Error('the machine is busy')
        })`,
    })

    assert.match(stdout, /\nFLAKY \S+once\.test\.ts\n$/)
    assert.doesNotMatch(stdout, /FLAKY.*passes|FAILED/)
    assert.equal(code, 0, stdout)
  })

  it('fails, and names each file, when one fails again or hangs', async () => {
    const limits = { TEST_STUCK_MS: '2000', TEST_PROCESS_MS: '5000' }
    const files = {
      hangs: `it('hangs', { timeout: 200 }, () => new Promise((resolve) => setTimeout(resolve, 600_000)))`,
      loops: `it('loops', function forever() { for (;;) Math.random() })`,
      begins: `await new Promise((resolve) => setTimeout(resolve, 600_000))`,
      fails: `it('fails', () => { throw new Error('it is broken') })`,
      dies: `it('dies', () => { process.kill(process.pid, 'SIGKILL') })`,
    }

    const { code, stdout } = await runFiles(files, limits)

    for (const name of ['hangs', 'loops', 'begins', 'fails', 'dies'])
      assert.match(stdout, new RegExp(`\nFAILED \\S+${name}\\.test\\.ts\n`))
    assert.doesNotMatch(stdout, /FLAKY/)
    assert.match(stdout, /loops\.test\.ts is stuck: .*\n {4}at forever \(\S+loops\.test\.ts:4\)/)
    assert.match(stdout, /begins\.test\.ts did not end within 5 s/)
    assert.equal(code, 1, stdout)
  })
})

/** `./run test` with these files, by their names. */
async function runFiles(
  bodies: Readonly<Record<string, string>>,
  environment: Readonly<Record<string, string>> = {},
): Promise<Output> {
  const folder = await mkdtemp(join(tmpdir(), 'plexd-run-'))
  const files = await Promise.all(
    Object.entries(bodies).map(async ([name, body]) => {
      const file = join(folder, `${name}.test.ts`)
      await writeFile(file, imports + body)
      return file
    }),
  )
  const command = ['-u', 'NODE_TEST_CONTEXT', '-u', 'CI', process.execPath, run, ...files]
  const output = await runToEnd('env', command, environment)
  await rm(folder, { recursive: true })
  return output
}

const imports = `
  import { existsSync, writeFileSync } from 'node:fs'
  import { it } from 'node:test'
`

describe('filesToRunAgain', () => {
  it('gives up where a second run could not help', () => {
    const failed = (file: string): FileOutcome => ({ file, failed: true, durationMs: 1 })
    const many = Array.from({ length: 11 }, (_, at) => failed(`${at}.test.ts`))
    const cases: [string, Run[], string[]][] = [
      ['one', [{ passed: false, files: [failed('a.test.ts')] }], ['a.test.ts']],
      ['too many', [{ passed: false, files: many }], []],
      ['a module', [{ passed: false, files: [failed('a.test.ts'), failed('cases.ts')] }], []],
      [
        'a runner that was killed',
        [
          { passed: false, files: [failed('a.test.ts')] },
          { passed: false, files: [] },
        ],
        [],
      ],
    ]
    for (const [name, runs, again] of cases) assert.deepEqual(filesToRunAgain(runs), again, name)
  })
})

describe('differences', () => {
  it('names what came and what went', () => {
    const before: Outside = { groups: ['root', 'plexd'], mounts: ['/'] }
    const after: Outside = { groups: ['root', 'plexd-secrets'], mounts: ['/'] }
    assert.deepEqual(differences(before, after), ['groups: + plexd-secrets', 'groups: - plexd'])
  })
})
