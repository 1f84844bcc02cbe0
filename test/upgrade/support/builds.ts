import { generateKeyPairSync, sign } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { goArch, releaseStatement } from '@plexd/protocol'
import { checksumOf } from '../../../scripts/build/release-key.ts'
import { buildSingleFile } from '../../../scripts/build/single-file.ts'
import { createRandom } from '../../support/random.ts'

/** Version A, which nodes start with, and B. */
export const [versionA, versionB] = ['1.0.0', '1.1.0'] as const

/** The single file of a version, without any release key in it. */
export async function build(version: string): Promise<string> {
  return (await buildSingleFile('plexd', { version, releaseKeys: [] })).file
}

/** Builds with the signatures of a release key. */
export interface Release {
  /** The setting `upgrade.keys`. */
  readonly publicKey: string
  /** A file, uploaded as a version with its signature; resolves to its checksum. */
  publish(version: string, file: string, lies?: Lies): Promise<string>
  /** As `publish`, for a shell script; `real` in it is a build that works. */
  publishScript(version: string, script: string): Promise<string>
}

export interface Lies {
  /** That of this version is uploaded instead. */
  signatureOf?: string
  unsigned?: true
}

/** `plexctl` runs that, and resolves to what it prints. */
export async function createRelease(
  folder: string,
  plexctl: (...args: string[]) => Promise<string>,
): Promise<Release> {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  await mkdir(folder, { recursive: true })

  async function publish(version: string, file: string, lies: Lies = {}): Promise<string> {
    const platform = { os: process.platform, arch: goArch(process.arch) }
    const checksum = await checksumOf(file)
    const statement = releaseStatement({
      version: lies.signatureOf ?? version,
      ...platform,
      checksum,
    })
    const signature = join(folder, `${version}.sig`)
    await writeFile(signature, sign(null, Buffer.from(statement), privateKey).toString('base64'))
    const place = ['--version', version, '--os', platform.os, '--arch', platform.arch]
    const signed = lies.unsigned ? [] : ['--signature', signature]
    await plexctl('artifact', 'upload', file, ...signed, ...place)
    return checksum
  }

  return {
    publicKey: publicKey.export({ type: 'spki', format: 'der' }).subarray(-32).toString('base64'),
    publish,
    async publishScript(version, script) {
      const real = await build(versionB)
      const file = join(folder, `${version}.sh`)
      const asks = `[ "$1" = version ] && echo '{"version":"${version}"}' && exit`
      await writeFile(file, `#!/bin/sh\n${asks}\nreal=${real}\n${script}\n`, { mode: 0o755 })
      return publish(version, file)
    },
  }
}

/** Settings of a node under which a trial is short: a version that works for as long as `settle` is confirmed. */
export function settingsFor({ publicKey }: Pick<Release, 'publicKey'>, settle: string): string {
  return [
    'upgrade:',
    `  keys: ${publicKey}`,
    '  deadline: 10s',
    `  settle: ${settle}`,
    '  starts: 2',
    'heartbeat: {interval: 1s}',
    '',
  ].join('\n')
}

/** One of a family of cases, or all of them in a whole run. */
export function draw<Case>(cases: readonly [Case, ...Case[]]): readonly Case[] {
  const seed = Number(process.env.PLEXD_UPGRADE_SEED ?? Date.now() % 1_000_000)
  return process.env.PLEXD_UPGRADE_CASES === 'all' ? cases : [createRandom(seed).pick(cases)]
}
