/** `./run build`: the programs as single files, and all that is delivered with them. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import process from 'node:process'
import { describeError } from '@plexd/runtime'
import { type BuildRequest, readRequest, usage } from './build/options.ts'
import { buildRelease } from './build/release.ts'
import { newKey } from './build/release-key.ts'

try {
  await run(process.argv.slice(2))
} catch (error) {
  process.stderr.write(`build: ${describeError(error)}\n`)
  process.exitCode = 1
}

async function run(args: string[]): Promise<void> {
  const request = await readRequest(args)
  if ('help' in request) process.stdout.write(usage)
  else if ('newKey' in request) await makeKey(request.newKey)
  else await build(request)
}

async function makeKey(file: string): Promise<void> {
  const { privatePem, publicPem } = newKey()
  await writeFile(file, privatePem, { mode: 0o600, flag: 'wx' })
  await writeFile(`${file}.pub`, publicPem, { flag: 'wx' })
  say(`signing key: ${file} (keep it off this machine), public half: ${file}.pub`)
}

async function build(request: BuildRequest): Promise<void> {
  const files = await buildRelease(request)
  for (const file of files) say(join(request.out, file))
  if (request.signKey === undefined) say('not signed: give --sign-key')
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
