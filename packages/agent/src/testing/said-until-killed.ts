import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

/**
 * Starts a program that writes to a folder, kills it within 200 ms of its first line, and resolves to all lines that it had
 * printed whole, each a JSON value. Its arguments are the folder and the name of the run.
 */
export async function saidUntilKilled<Said>(
  program: string,
  folder: string,
  run: string,
): Promise<Said[]> {
  // A file: writing to it neither blocks nor loses what was said before the kill.
  const path = join(folder, 'said')
  await using output = await open(path, 'w')
  const child = spawn(process.execPath, [program, folder, run], {
    stdio: ['ignore', output.fd, 'inherit'],
  })
  const exited = once(child, 'exit')
  while ((await output.stat()).size === 0 && child.exitCode === null) await delay(10)
  await delay(Math.random() * 200)
  child.kill('SIGKILL')
  await exited
  assert.equal(child.signalCode, 'SIGKILL')
  const lines = (await readFile(path, 'utf8')).split('\n').slice(0, -1)
  return lines.map((line): Said => JSON.parse(line))
}
