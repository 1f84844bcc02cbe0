import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FileOutcome } from './file-reporter.ts'

export interface Run {
  passed: boolean
  /** None when the runner itself came to no end. */
  files: FileOutcome[]
}

export interface RunOptions {
  /** Of one test. It is given up then, and holds up no other. */
  timeoutMs: number
  /** Of one process with tests. It is killed then, and named: what hangs outside of a test has no other limit. */
  processMs: number
  env: NodeJS.ProcessEnv
}

/** Runs files, or what patterns match, with further flags of `node --test` among them; prints as it goes. */
export async function runTests(
  given: readonly string[],
  { timeoutMs, processMs, env }: RunOptions,
): Promise<Run> {
  const folder = await mkdtemp(join(tmpdir(), 'plexd-outcomes-'))
  const outcomes = join(folder, 'outcomes')
  const flags = [
    '--test',
    `--test-timeout=${timeoutMs}`,
    '--test-concurrency=1', // of files with a process each, on a machine with more cores too
    '--test-force-exit',
    ...['mark.ts', 'watchdog.ts'].map((name) => `--import=${join(import.meta.dirname, name)}`),
    '--test-reporter=spec',
    '--test-reporter-destination=stdout',
    `--test-reporter=${join(import.meta.dirname, 'file-reporter.ts')}`,
    `--test-reporter-destination=${outcomes}`,
  ]
  const child = spawn(process.execPath, [...flags, ...given], {
    stdio: 'inherit',
    env: { TEST_PROCESS_MS: `${processMs}`, ...env },
  })
  const [code] = await once(child, 'exit')
  const text = await readFile(outcomes, 'utf8').catch(() => '')
  await rm(folder, { recursive: true })
  return {
    passed: code === 0,
    files: text
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line)),
  }
}
