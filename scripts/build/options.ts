import { createPublicKey } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import process from 'node:process'
import { parseArgs } from 'node:util'
import { root } from '../programs/build.ts'
import { type Architecture, architectureOf, ownArchitecture } from './architecture.ts'
import { versionOf } from './bundle.ts'
import { publicHalf } from './release-key.ts'

export const usage = `usage: ./run build [options]

Makes plexd, plexctl and plexd-control-plane as single files that need no Node.js, with their checksums, licences and a
list of what is in them. Two builds of one source with the same options are equal to the byte.

  --out DIR            where the files go; dist when left out
  --arch ARCH          amd64 or arm64; may be repeated; this machine's when left out. Programs of another go to DIR/ARCH
  --version VERSION    instead of the one in package.json
  --no-packages        the programs only, no deb and no rpm
  --images             container images too (OCI), on Debian, with packages of its archive as they are now
  --source URL         where the source is published; a label of images
  --sign-key FILE      Ed25519 private key in PEM that signs the build; its public half is embedded as trusted
  --release-key FILE   public key in PEM that the build trusts as well; may be repeated
  --new-key FILE       make a signing key and FILE.pub, and build nothing

SOURCE_DATE_EPOCH, in seconds since 1970, is the date of a build; without it there is none in it.

Examples:
  ./run build
  ./run build --arch amd64 --arch arm64 --version 1.5.0 --sign-key release.pem
  ./run build --no-packages --out /tmp/plexd
  ./run build --images --arch amd64 --arch arm64
  ./run build --new-key release.pem
`

/** What was asked for: all of it is checked before anything is built. */
export type Request = { help: true } | { newKey: string } | BuildRequest

export interface BuildRequest {
  out: string
  version: string
  architectures: readonly Architecture[]
  wantsPackages: boolean
  wantsImages: boolean
  /** Of the source, if that is published. */
  source: string | undefined
  /** Private key in PEM. */
  signKey: string | undefined
  /** Public keys in PEM. */
  releaseKeys: readonly string[]
  epochSeconds: number | undefined
}

/** Throws an Error for what is wrong with the arguments. */
export async function readRequest(args: string[], env = process.env): Promise<Request> {
  const { values } = parseArgs({ args, options, strict: true })
  if (values.help) return { help: true }
  if (values['new-key'] !== undefined) return { newKey: values['new-key'] }
  const signKey = await readSignKey(values['sign-key'])
  const given = await Promise.all(values['release-key'].map(readPublicKey))
  const asked = values.arch.length === 0 ? [ownArchitecture()] : values.arch.map(architectureOf)
  return {
    out: values.out,
    version: checkedVersion(values.version ?? (await versionOf('plexd'))),
    architectures: [...new Set(asked)],
    wantsPackages: !values['no-packages'],
    wantsImages: values.images,
    source: checkedSource(values.source),
    signKey,
    releaseKeys: [...(signKey === undefined ? [] : [publicHalf(signKey)]), ...given],
    epochSeconds: epochOf(env.SOURCE_DATE_EPOCH),
  }
}

const options = {
  out: { type: 'string', default: join(root, 'dist') },
  arch: { type: 'string', multiple: true, default: [] as string[] },
  version: { type: 'string' },
  'no-packages': { type: 'boolean', default: false },
  images: { type: 'boolean', default: false },
  source: { type: 'string' },
  'sign-key': { type: 'string' },
  'release-key': { type: 'string', multiple: true, default: [] as string[] },
  'new-key': { type: 'string' },
  help: { type: 'boolean', short: 'h', default: false },
} as const

async function readSignKey(file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined
  return readKey(file, 'signing key', (pem) => void publicHalf(pem))
}

async function readPublicKey(file: string): Promise<string> {
  return readKey(file, 'release key', (pem) => {
    if (createPublicKey(pem).asymmetricKeyType !== 'ed25519') throw new Error('want ed25519')
  })
}

async function readKey(file: string, what: string, check: (pem: string) => void): Promise<string> {
  try {
    const pem = await readFile(file, 'utf8')
    check(pem)
    return pem
  } catch (cause) {
    throw new Error(`read ${what} "${file}": want an Ed25519 key in PEM`, { cause })
  }
}

function checkedSource(url: string | undefined): string | undefined {
  if (url === undefined || (/^https?:\/\//.test(url) && URL.canParse(url))) return url
  throw new Error(`build with source "${url}": want a URL such as https://git.example.com/plexd`)
}

/** It is a part of file names. */
function checkedVersion(version: string): string {
  if (/^\d+\.\d+\.\d+([-+~.][0-9A-Za-z.+~-]+)?$/.test(version)) return version
  throw new Error(`build version "${version}": want one such as 1.5.0 or 1.5.0-rc.1`)
}

/** https://reproducible-builds.org/specs/source-date-epoch/ */
function epochOf(text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined
  if (/^\d{1,11}$/.test(text)) return Number(text)
  throw new Error(`read SOURCE_DATE_EPOCH "${text}": want seconds since 1970`)
}
