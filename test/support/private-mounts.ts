import assert from 'node:assert/strict'
import { runToEnd } from '../../scripts/programs/program.ts'

const marker = 'PLEXD_TEST_PRIVATE_MOUNTS'

/** Whether this process is the one with mounts of its own. */
export const hasPrivateMounts = process.env[marker] !== undefined

/** Why there can be none, for the `skip` of a test. */
export const mountSkip = process.getuid?.() !== 0 && 'needs root, to mount disks'

/** Runs a file of tests, so many, once more in a process with mounts of its own, which nobody else sees. */
export async function runPrivately(file: string, passes: number): Promise<void> {
  const command = ['--mount', '--', process.execPath, '--test-reporter=spec', file]
  // That process reports to us alone, and not to whoever runs us.
  const env = { [marker]: '1', NODE_TEST_CONTEXT: '' }
  const { code, stdout, stderr } = await runToEnd('unshare', command, env)
  assert.equal(code, 0, stdout + stderr)
  assert.match(stdout, new RegExp(`pass ${passes}\\b`))
}
