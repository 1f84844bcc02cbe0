import { dirname } from 'node:path'
import { finished } from 'node:stream/promises'
import { CliError } from '@plexd/runtime'
import { custom } from '../../command.ts'
import { configPath } from '../../connection/flags.ts'
import type { Context } from '../../context.ts'
import { collectText } from '../../terminal/input.ts'
import { keptKey } from './client/keys.ts'
import { openLink } from './client/link.ts'
import {
  addActions,
  addRecordInput,
  addSessionFlags,
  meshHelp,
  placeArgument,
  placeOf,
  type SessionFlags,
  specOf,
} from './flags.ts'
import { parseForward, targetOf } from './forwarding/target.ts'
import { hostBlock, knownHost, type SshHost } from './openssh/config.ts'
import { findHosts, keepKnownHosts } from './openssh/hosts.ts'

interface ProxyFlags extends SessionFlags {
  allowAction?: string[]
  forward?: string[]
}

/** What stock OpenSSH clients reach nodes by. */
export const proxyCommand = custom({
  name: 'ssh-proxy',
  description: 'carry the bytes of an SSH client to a node: its ProxyCommand',
  args: [placeArgument],
  flags: (command) =>
    addActions(
      addRecordInput(
        addSessionFlags(
          command.option(
            '--forward <target>',
            'allow -L and -W to [HOST:]PORT; may be repeated',
            collectText,
          ),
        ),
      ),
    ),
  json: false,
  examples: [
    'plexctl ssh-proxy web-01 -l deploy',
    'plexctl ssh-proxy db-01 -l deploy --forward 5432',
  ],
  footer: '\n"plexctl ssh-config" prints the lines of ~/.ssh/config that run it.\n',
  run: proxy,
})

async function proxy({ io, connect }: Context, text: string, flags: ProxyFlags): Promise<void> {
  const { stdin, stdout } = io.streams()
  const connection = await connect()
  const key = await keptKey(dirname(configPath(io.env)))
  const forward = flags.forward?.map((target) => targetOf(parseForward(target)))
  const { node, socket, describeEnd } = await openLink(connection, {
    ...specOf(placeOf(text, flags), flags),
    public_key: key.publicKey,
    actions: flags.allowAction,
    forward,
  })
  let isOurs = false
  stdin.once('end', () => {
    isOurs = true
  })
  stdin.pipe(socket).pipe(stdout, { end: false })
  const fault = await finished(socket, { writable: false }).catch(asError)
  stdin.destroy()
  if (isOurs) return
  const why = (await describeEnd()) ?? fault?.message
  throw new CliError(`${node}: ${why ?? 'the connection was lost'}`)
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}

interface ConfigFlags {
  knownHosts?: boolean
  login?: string
  mesh?: boolean
  plexctl: string
}

export const sshConfigCommand = custom({
  name: 'ssh-config',
  description: 'print what ~/.ssh/config needs for a node, or for all of them',
  args: [['[node]', 'id or hostname']],
  flags: (command) =>
    command
      .option('-l, --login <login>', 'user of the node (default: that of ssh)')
      .option('--mesh', meshHelp)
      .option('--known-hosts', 'print the lines of known_hosts instead')
      .option('--plexctl <command>', 'how ssh runs plexctl', 'plexctl'),
  json: false,
  examples: [
    'plexctl ssh-config web-01 >> ~/.ssh/config',
    'plexctl ssh-config --known-hosts >> ~/.ssh/known_hosts',
  ],
  run: printConfig,
})

async function printConfig(
  { io, connect }: Context,
  node: string | undefined,
  flags: ConfigFlags,
): Promise<void> {
  const { admin } = await connect()
  const hosts = await findHosts(admin, node)
  const write = (textOf: (host: SshHost) => string): void => {
    io.stdout.write(hosts.map(textOf).join(''))
  }
  if (flags.knownHosts) return write(knownHost)
  const folder = dirname(configPath(io.env))
  const { path: keyFile } = await keptKey(folder)
  const knownHostsFile = await keepKnownHosts(folder, hosts)
  write((host) => hostBlock(host, { ...flags, keyFile, knownHostsFile }))
}
