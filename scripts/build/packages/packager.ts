import { execFile } from 'node:child_process'
import process from 'node:process'
import { promisify } from 'node:util'

/** Runs a program that makes packages or images. Throws an Error with the title, and what it said, or what to install; `without`: how to do without it. */
export async function runPackager(
  [program, ...args]: readonly [string, ...string[]],
  {
    title,
    debian,
    without = 'with --no-packages',
    epochSeconds,
  }: { title: string; debian: string; without?: string; epochSeconds: number },
): Promise<void> {
  // Its messages in English, and no settings of whoever builds.
  const env = {
    PATH: process.env.PATH,
    HOME: '/nonexistent',
    LC_ALL: 'C.UTF-8',
    TZ: 'UTC',
    SOURCE_DATE_EPOCH: String(epochSeconds),
  }
  try {
    await promisify(execFile)(program, args, { env, maxBuffer: 16 * 1024 * 1024 })
  } catch (cause) {
    const { code, stderr = '' } = cause as { code?: unknown; stderr?: string } // of execFile
    if (code === 'ENOENT')
      throw new Error(
        `${title}: there is no "${program}" here: apt-get install ${debian}, or build ${without}`,
      )
    throw new Error(`${title} with ${program}: ${stderr.trim().replace(/\s*\n\s*/g, '; ')}`)
  }
}
