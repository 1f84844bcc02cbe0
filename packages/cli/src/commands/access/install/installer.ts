import { createHash } from 'node:crypto'
import { isLoopback } from '@plexd/protocol'
import { CliError, createHttpTransport, describeError, exitCodes, proxyFor } from '@plexd/runtime'
import { version } from '../../../version.ts'

/** Where a build is, and what its installer was when it was looked at: the same is run everywhere. */
export interface Installer {
  /** The address of the folder, without a slash at the end. */
  from: string
  /** SHA-256 of its `install.sh`, in hex. */
  checksum: string
}

/** Fetches `install.sh` of the build at `from`. Throws a CliError (usage, failed) if there is none that could install anything. */
export async function findInstaller(
  from: string | undefined,
  env: NodeJS.ProcessEnv,
): Promise<Installer> {
  const url = checkFrom(from)
  const script = await fetchScript(url, env)
  if (!script.startsWith('#!/bin/sh\n') || !script.includes('--join'))
    throw fault(url, 'it is no installer of plexd: is that where the files of a build are?')
  if (!script.includes('-----BEGIN PUBLIC KEY-----'))
    throw fault(url, 'it trusts no key: make the build with "./run build --sign-key FILE"')
  return { from: url, checksum: createHash('sha256').update(script).digest('hex') }
}

function checkFrom(text: string | undefined): string {
  if (text === undefined)
    throw new CliError(
      'where do nodes get plexd from: give --from URL, the https:// address of the files that "./run build --sign-key FILE" made',
      exitCodes.usage,
    )
  const url = URL.parse(text)
  const isSafe =
    url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback(url.hostname))
  if (!url || !isSafe || url.username + url.password + url.search + url.hash !== '')
    throw new CliError(`--from "${text}": want https://HOST[:PORT]/PATH`, exitCodes.usage)
  return url.href.replace(/\/+$/, '')
}

async function fetchScript(from: string, env: NodeJS.ProcessEnv): Promise<string> {
  using transport = createHttpTransport({
    baseUrl: from,
    userAgent: `plexctl/${version}`,
    proxyUrl: proxyFor(from, env),
    maxResponseBytes: 1_048_576,
  })
  const request = { method: 'GET', path: '/install.sh', headers: {} }
  const { status, headers, body } = await transport(request).catch((cause: unknown) => {
    throw fault(from, describeError(cause), exitCodes.unreachable)
  })
  if (status === 200) return body
  const { location } = headers
  const leads =
    location === undefined ? '' : `, which leads to "${location}": give that with --from`
  throw fault(from, `the answer is ${status}${leads}`)
}

function fault(from: string, why: string, exitCode: number = exitCodes.failed): CliError {
  return new CliError(`read "${from}/install.sh": ${why}`, exitCode)
}
