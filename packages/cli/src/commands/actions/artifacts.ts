import type { Command } from 'commander'
import { type Admin, call, custom, type JsonFlag, list, noun } from '../../command.ts'
import type { Context } from '../../context.ts'
import { age, printDone } from '../../terminal/output.ts'
import { type Build, type Platform, uploadArtifact } from './upload-artifact.ts'

const checksumArgument = ['<checksum>', 'SHA-256 of the file, as nodes report it'] as const

const sample =
  'sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 --version 1.5.0 --os linux --arch amd64'

export const artifactCommands = noun(
  {
    name: 'artifact',
    description: 'plexd binaries that nodes upgrade to',
    examples: ['plexctl artifact list'],
  },
  custom({
    name: 'upload',
    description: 'upload a plexd binary',
    args: [['<file>']],
    flags: (command) =>
      addPlatformFlags(command).option(
        '--signature <file>',
        'the signature that "./run build" puts beside it; nodes take no build without one',
      ),
    examples: [
      'plexctl artifact upload dist/plexd --signature dist/plexd.sig --version 1.5.0 --os linux --arch amd64',
    ],
    async run(context: Context, file: string, { json, ...build }: Build & JsonFlag) {
      const uploaded = await uploadArtifact(context, file, build)
      const { version, os, arch, checksum, signature } = uploaded
      const note = signature === null ? ', not signed' : ''
      const text = `uploaded ${version} ${os}/${arch} ${checksum}${note}`
      printDone(context.io, uploaded, { json, text })
    },
  }),
  list({
    description: 'list plexd binaries',
    examples: ['plexctl artifact list'],
    items: async (admin: Admin) => (await admin.listArtifacts({})).body.items,
    columns: [
      'version',
      'os',
      'arch',
      ['bytes', ({ size }) => String(size)],
      'checksum',
      ['signed', ({ signature }) => (signature === null ? 'no' : 'yes')],
      age('created_at'),
    ],
  }),
  call({
    name: 'remove',
    description: 'remove a plexd binary',
    flags: addPlatformFlags,
    examples: ['plexctl artifact remove --version 1.5.0 --os linux --arch amd64 --yes'],
    asks: ({ version, os, arch }) => `remove plexd ${version} ${os}/${arch}`,
    call: (admin: Admin, { version, os, arch }: Platform) =>
      admin.deleteArtifact({ params: { version, os, arch } }),
    text: (_body, { version, os, arch }) => `removed ${version} ${os}/${arch}`,
  }),
  // Builds that were not uploaded, such as those of a distribution.
  call({
    name: 'trust',
    description: 'vouch for a plexd binary that was not uploaded',
    args: [checksumArgument],
    flags: addPlatformFlags,
    examples: [`plexctl artifact trust ${sample}`],
    call: (admin: Admin, checksum: string, { version, os, arch }: Platform) =>
      admin.trustBuild({ body: { version, os, arch, checksum } }),
    text: ({ version, os, arch, checksum }) => `trusted ${version} ${os}/${arch} ${checksum}`,
  }),
  call({
    name: 'distrust',
    description: 'vouch for a plexd binary no longer',
    args: [checksumArgument],
    flags: addPlatformFlags,
    examples: [`plexctl artifact distrust ${sample}`],
    asks: (checksum, { version, os, arch }) =>
      `vouch no longer for plexd ${version} ${os}/${arch} ${checksum}`,
    call: (admin: Admin, checksum: string, { version, os, arch }: Platform) =>
      admin.distrustBuild({ params: { version, os, arch, checksum } }),
    text: (_body, checksum, { version, os, arch }) =>
      `no longer trusted: ${version} ${os}/${arch} ${checksum}`,
  }),
  list({
    name: 'trusted',
    description: 'list plexd binaries that were not uploaded, and that operators vouch for',
    examples: ['plexctl artifact trusted'],
    items: async (admin: Admin) => (await admin.listTrustedBuilds({})).body.items,
    columns: [
      'version',
      'os',
      'arch',
      'checksum',
      ['by', ({ trusted_by }) => trusted_by],
      age('created_at'),
    ],
  }),
)

function addPlatformFlags(command: Command): Command {
  return command
    .requiredOption('--version <version>', 'of plexd, such as 1.5.0')
    .requiredOption('--os <os>', 'such as linux')
    .requiredOption('--arch <arch>', 'such as amd64 or arm64')
}
