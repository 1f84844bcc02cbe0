import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { type Artifact, adminApi, fillPath, signatureHeader } from '@plexd/protocol'
import { CliError, exitCodes } from '@plexd/runtime'
import type { Command } from 'commander'
import { type Admin, addCall, addList, type JsonFlag } from '../../command.ts'
import { type Context, examples, jsonHelp } from '../../context.ts'
import { fileError } from '../../terminal/file-error.ts'
import { ageOf, printDone, startProgress } from '../../terminal/output.ts'

export function addArtifactCommands(program: Command, context: Context): void {
  const { io } = context
  const artifact = program
    .command('artifact')
    .description('plexd binaries that nodes upgrade to')
    .addHelpText('after', examples('plexctl artifact list'))

  addPlatformFlags(artifact.command('upload'))
    .description('upload a plexd binary')
    .argument('<file>')
    .option(
      '--signature <file>',
      'the signature that "./run build" puts beside it; nodes take no build without one',
    )
    .option('--json', jsonHelp)
    .addHelpText(
      'after',
      examples(
        'plexctl artifact upload dist/plexd --signature dist/plexd.sig --version 1.5.0 --os linux --arch amd64',
      ),
    )
    .action(async (file: string, { json, ...build }: Build & JsonFlag) => {
      const uploaded = await upload(context, file, build)
      const { version, os, arch, checksum, signature } = uploaded
      const note = signature === null ? ', not signed' : ''
      printDone(io, uploaded, {
        json,
        text: `uploaded ${version} ${os}/${arch} ${checksum}${note}`,
      })
    })

  addList(artifact, context, {
    description: 'list plexd binaries',
    examples: ['plexctl artifact list'],
    items: async (admin: Admin) => (await admin.listArtifacts({})).body.items,
    columns: [
      ['version', ({ version }) => version],
      ['os', ({ os }) => os],
      ['arch', ({ arch }) => arch],
      ['bytes', ({ size }) => String(size)],
      ['checksum', ({ checksum }) => checksum],
      ['signed', ({ signature }) => (signature === null ? 'no' : 'yes')],
      ['created', ({ created_at }) => ageOf(created_at, io)],
    ],
  })

  addCall(artifact, context, {
    name: 'remove',
    description: 'remove a plexd binary',
    flags: addPlatformFlags,
    examples: ['plexctl artifact remove --version 1.5.0 --os linux --arch amd64 --yes'],
    asks: ({ version, os, arch }) => `remove plexd ${version} ${os}/${arch}`,
    call: (admin: Admin, { version, os, arch }: Platform) =>
      admin.deleteArtifact({ params: { version, os, arch } }),
    text: (_body, { version, os, arch }) => `removed ${version} ${os}/${arch}`,
  })

  addTrustCommands(artifact, context)
}

const checksumArgument = ['<checksum>', 'SHA-256 of the file, as nodes report it'] as const

/** Builds that were not uploaded, such as those of a distribution. */
function addTrustCommands(artifact: Command, context: Context): void {
  const { io } = context
  const sample = '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08'
  const platform = '--version 1.5.0 --os linux --arch amd64'

  addCall(artifact, context, {
    name: 'trust',
    description: 'vouch for a plexd binary that was not uploaded',
    args: [checksumArgument],
    flags: addPlatformFlags,
    examples: [`plexctl artifact trust sha256:${sample} ${platform}`],
    call: (admin: Admin, checksum: string, { version, os, arch }: Platform) =>
      admin.trustBuild({ body: { version, os, arch, checksum } }),
    text: ({ version, os, arch, checksum }) => `trusted ${version} ${os}/${arch} ${checksum}`,
  })

  addCall(artifact, context, {
    name: 'distrust',
    description: 'vouch for a plexd binary no longer',
    args: [checksumArgument],
    flags: addPlatformFlags,
    examples: [`plexctl artifact distrust sha256:${sample} ${platform}`],
    asks: (checksum, { version, os, arch }) =>
      `vouch no longer for plexd ${version} ${os}/${arch} ${checksum}`,
    call: (admin: Admin, checksum: string, { version, os, arch }: Platform) =>
      admin.distrustBuild({ params: { version, os, arch, checksum } }),
    text: (_body, checksum, { version, os, arch }) =>
      `no longer trusted: ${version} ${os}/${arch} ${checksum}`,
  })

  addList(artifact, context, {
    name: 'trusted',
    description: 'list plexd binaries that were not uploaded, and that operators vouch for',
    examples: ['plexctl artifact trusted'],
    items: async (admin: Admin) => (await admin.listTrustedBuilds({})).body.items,
    columns: [
      ['version', ({ version }) => version],
      ['os', ({ os }) => os],
      ['arch', ({ arch }) => arch],
      ['checksum', ({ checksum }) => checksum],
      ['by', ({ trusted_by }) => trusted_by],
      ['created', ({ created_at }) => ageOf(created_at, io)],
    ],
  })
}

interface Platform {
  version: string
  os: string
  arch: string
}

interface Build extends Platform {
  /** A file. */
  signature?: string
}

function addPlatformFlags(command: Command): Command {
  return command
    .requiredOption('--version <version>', 'of plexd, such as 1.5.0')
    .requiredOption('--os <os>', 'such as linux')
    .requiredOption('--arch <arch>', 'such as amd64 or arm64')
}

/** Reads the file twice: the checksum travels in front of it. */
async function upload(
  { io, connect }: Context,
  file: string,
  { signature, ...platform }: Build,
): Promise<Artifact> {
  const signed: Record<string, string> =
    signature === undefined ? {} : { [signatureHeader]: await readSignature(signature) }
  const size = await sizeOf(file)
  const checksum = await checksumOf(file)
  const { open } = await connect()
  using progress = startProgress(io.stderr)
  const { method, path } = adminApi.putArtifact
  const answer = await open({
    method,
    path: fillPath(path, { ...platform }),
    headers: {
      'content-type': 'application/octet-stream',
      'content-length': String(size),
      'x-checksum-sha256': checksum,
      ...signed,
    },
    body: Readable.from(
      chunksOf(file, (bytes) => progress.update(`uploading ${file}: ${percent(bytes, size)}`)),
    ),
  })
  return JSON.parse(await text(answer)) as Artifact // what this operation answers
}

/** The control plane says what is wrong with its form. */
async function readSignature(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw fileError(`read "${file}"`, cause)
  })
  return text.trim()
}

async function sizeOf(file: string): Promise<number> {
  const info = await stat(file).catch((cause: unknown) => {
    throw fileError(`read "${file}"`, cause)
  })
  if (!info.isFile()) throw new CliError(`read "${file}": it is no regular file`, exitCodes.usage)
  return info.size
}

async function checksumOf(file: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of chunksOf(file)) hash.update(chunk)
  return hash.digest('hex')
}

async function* chunksOf(
  file: string,
  onCount: (bytes: number) => void = () => {},
): AsyncGenerator<Buffer> {
  let bytes = 0
  try {
    for await (const chunk of createReadStream(file)) {
      bytes += chunk.length
      onCount(bytes)
      yield chunk
    }
  } catch (cause) {
    throw fileError(`read "${file}"`, cause)
  }
}

function percent(part: number, whole: number): string {
  return `${Math.floor((part / Math.max(1, whole)) * 100)} %`
}
