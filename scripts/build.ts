/**
 * `./run build`: plexd as one file, with its checksum and, given a release key, its signature. Two builds of one source
 * with the same options are equal to the byte.
 */
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import process from 'node:process'
import { parseArgs } from 'node:util'
import { goArch, releaseStatement } from '@plexd/protocol'
import { checksumOf, newKey, publicHalf, signStatement } from './build/release-key.ts'
import { buildSingleFile, versionOf } from './build/single-file.ts'
import { root } from './programs/build.ts'

const usage = `usage: ./run build [options]

  --out DIR            where the files go; dist when left out
  --version VERSION    instead of the one in package.json
  --sign-key FILE      Ed25519 private key in PEM that signs the build; its public half is embedded as trusted
  --release-key FILE   public key in PEM that the build trusts as well; may be repeated
  --new-key FILE       make a signing key and FILE.pub, and build nothing
`

const { values } = parseArgs({
  options: {
    out: { type: 'string', default: join(root, 'dist') },
    version: { type: 'string' },
    'sign-key': { type: 'string' },
    'release-key': { type: 'string', multiple: true, default: [] },
    'new-key': { type: 'string' },
    help: { type: 'boolean', short: 'h', default: false },
  },
})

if (values.help) process.stdout.write(usage)
else if (values['new-key'] !== undefined) await makeKey(values['new-key'])
else await buildAll()

async function makeKey(file: string): Promise<void> {
  const { privatePem, publicPem } = newKey()
  await writeFile(file, privatePem, { mode: 0o600, flag: 'wx' })
  await writeFile(`${file}.pub`, publicPem)
  say(`signing key: ${file} (keep it off this machine), public half: ${file}.pub`)
}

/** One program so far; each further one is a call of its own. */
async function buildAll(): Promise<void> {
  const { out, version = await versionOf('plexd'), 'sign-key': signKey } = values
  await mkdir(out, { recursive: true })
  const key = signKey === undefined ? undefined : await readFile(signKey, 'utf8')
  const given = await Promise.all(values['release-key'].map((file) => readFile(file, 'utf8')))
  const releaseKeys = [...(key === undefined ? [] : [publicHalf(key)]), ...given]
  const platform = { os: process.platform, arch: goArch(process.arch) }
  const name = `plexd-${platform.os}-${platform.arch}`
  const file = join(out, name)
  await copyFile(await buildSingleFile('plexd', { version, releaseKeys }), file)
  const checksum = await checksumOf(file)
  await writeFile(join(out, 'checksums.sha256'), `${checksum.replace('sha256:', '')}  ${name}\n`)
  say(`${file}: plexd ${version}, ${checksum}`)
  if (key === undefined) return say('not signed: give --sign-key')
  const signature = signStatement(releaseStatement({ version, ...platform, checksum }), key)
  await writeFile(`${file}.sig`, `${signature}\n`)
  say(`${file}.sig: its signature`)
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
