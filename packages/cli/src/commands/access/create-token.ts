import { isLoopback, readJoin } from '@plexd/protocol'
import { CliError, exitCodes } from '@plexd/runtime'
import { type Command, Option } from 'commander'
import { type Admin, custom, type JsonFlag } from '../../command.ts'
import type { Context } from '../../context.ts'
import { collectPair, durationFlag } from '../../terminal/input.ts'
import type { Io } from '../../terminal/io.ts'
import { printNote, printShown, printWarnings } from '../../terminal/output.ts'
import { cloudConfig, installCommand } from './install/install-text.ts'
import { findInstaller, type Installer } from './install/installer.ts'

export const createToken = custom({
  name: 'create',
  description:
    'create a bootstrap token; text output is the token, or what is asked for instead, alone',
  flags: addCreateFlags,
  examples: [
    'plexctl token create --ttl 1h',
    'plexctl token create --join',
    'plexctl token create --install-command --from https://dl.example.com/plexd',
    'plexctl token create --cloud-init --from https://dl.example.com/plexd > user-data',
    'plexctl token create --hostname web-01 --metadata env=prod --metadata role=web --json',
    'plexctl token create --metadata env=prod --node-may-set team,rack',
  ],
  async run({ io, connect }: Context, flags: CreateFlags) {
    const { admin } = await connect()
    // Before there is a token that nobody would see.
    const installer = wantsInstaller(flags) ? await findInstaller(flags.from, io.env) : undefined
    const { ttl, hostname, metadata, nodeMaySet, nskFormat, url } = flags
    const node_may_set = nodeMaySet?.split(',')
    const { body } = await admin.createToken({
      body: { ttl, hostname, metadata, node_may_set, nsk_format: nskFormat, url },
    })
    const texts = installer ? installTexts(installer, body.join) : {}
    printCreated(io, { ...body, ...texts }, flags)
  },
})

/** What the API answers, and what was made of it here. */
type Created = Awaited<ReturnType<Admin['createToken']>>['body'] & {
  install_command?: string
  cloud_init?: string
}

function printCreated(io: Io, created: Created, flags: CreateFlags): void {
  const { json, join, installCommand, cloudInit } = flags
  printShown(io, created, { json, text: () => textOf(created, flags) })
  if (json) return
  printWarnings(io, created.warnings)
  printNote(io, `for one node, until ${created.expires_at}; it is not shown again`)
  if (join || installCommand || cloudInit) printNote(io, howToUse(created.join, flags))
}

function wantsInstaller({ installCommand, cloudInit, from }: CreateFlags): boolean {
  if (installCommand || cloudInit) return true
  if (from === undefined) return false
  throw new CliError('--from: give --install-command or --cloud-init with it', exitCodes.usage)
}

function installTexts(
  installer: Installer,
  join: string,
): Pick<Created, 'install_command' | 'cloud_init'> {
  return {
    install_command: installCommand(installer, join),
    cloud_init: cloudConfig(installer, join),
  }
}

/** What is on stdout, alone, so that a script can take it. */
function textOf(
  { token, join, install_command = '', cloud_init = '' }: Created,
  flags: CreateFlags,
): string {
  if (flags.cloudInit) return cloud_init
  if (flags.installCommand) return install_command
  return `${flags.join ? join : token}\n`
}

/** What to do with it, and why it may not work. */
function howToUse(join: string, { installCommand, cloudInit }: CreateFlags): string {
  const { url } = readJoin(join)
  const { hostname } = new URL(url)
  if (isLoopback(hostname))
    return `it leads to ${url}, which only this machine reaches: give another address with --url, or set public_url in the control plane's config`
  if (cloudInit) return `give it to one new machine as its user data; it leads to ${url}`
  if (installCommand) return `paste it into a shell on the node; it leads to ${url}`
  return `on the node, "plexd setup" asks for it, and "plexd join" where there is no systemd; it leads to ${url}`
}

function addCreateFlags(command: Command): Command {
  return command
    .option(
      '--ttl <duration>',
      'how long it may be used, from 1m to 720h (default 1h)',
      durationFlag,
    )
    .option('--hostname <hostname>', 'the only hostname it may register')
    .option('--metadata <key=value>', 'label of the node to be; may be repeated', collectPair)
    .option(
      '--node-may-set <keys>',
      'labels that the node may choose when it registers, separated by commas',
    )
    .addOption(
      new Option(
        '--nsk-format <format>',
        'of the node secret key: raw32 for Go nodes (default base64)',
      ).choices(['raw32', 'base64']),
    )
    .option('--join', 'print the join string, with which "plexd join" needs nothing else')
    .addOption(
      new Option(
        '--install-command',
        'print what to paste into a shell on the node: it installs plexd and joins',
      ).conflicts('cloudInit'),
    )
    .option('--cloud-init', 'print user data that does so on a new machine')
    .option('--from <url>', 'where nodes get plexd from: the files of a signed build')
    .addOption(
      new Option(
        '--url <url>',
        'the address in the join string, in place of the public one',
      ).implies({ join: true }),
    )
}

interface CreateFlags extends JsonFlag {
  ttl?: string
  hostname?: string
  metadata?: Record<string, string>
  nodeMaySet?: string
  nskFormat?: 'raw32' | 'base64'
  join?: boolean
  installCommand?: boolean
  cloudInit?: boolean
  from?: string
  url?: string
}
