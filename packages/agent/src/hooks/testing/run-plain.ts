import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import type { RunContained } from '../../contain/containment.ts'

/** Runs a program without containing it. */
export const runPlain: RunContained = async ({ argv, env, cwd = '/', signal }) => {
  const [program = '', ...args] = argv
  const child = spawn(program, args, { cwd, env, signal, stdio: ['ignore', 'pipe', 'pipe'] })
  const [stdout, stderr, [exitCode]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ])
  return { exitCode, stdout, stderr, left: [], met: [], unkept: [] }
}
