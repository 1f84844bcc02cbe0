import { ApiError } from '@plexd/protocol'
import { CliError, describeError } from '@plexd/runtime'
import { custom } from '../../command.ts'
import type { Context } from '../../context.ts'
import { withNearNames } from '../setup/missing-name.ts'
import { openSession } from './client/session.ts'
import {
  addActions,
  addRecordInput,
  addSessionFlags,
  placeArgument,
  placeOf,
  type SessionFlags,
  specOf,
} from './flags.ts'
import { commandLine } from './terminal/command-line.ts'
import { endOptionsAtCommand } from './terminal/own-options.ts'
import { exitCodeOf, runRemote } from './terminal/run.ts'

interface SshFlags extends SessionFlags {
  tty?: boolean
  allowAction?: string[]
}

/** As of ssh: a code that says that plexctl has failed, and not the program. */
const ownFailure = 255

export const sshCommand = custom({
  name: 'ssh',
  description: 'open a shell on a node, or run a command there',
  args: [
    placeArgument,
    [
      '[command...]',
      'options behind its first word, or behind --, are its own; one word is a line for the shell, several are passed on as they are',
    ],
  ],
  flags: (command) =>
    addActions(
      addRecordInput(
        addSessionFlags(
          endOptionsAtCommand(command)
            .option(
              '-t, --tty',
              'with a terminal (default: where there is one here, and no command)',
            )
            .option('-T, --no-tty', 'without a terminal'),
        ),
      ),
    ),
  json: false,
  examples: [
    'plexctl ssh web-01',
    "plexctl ssh deploy@web-01 -- 'df -h | sort'",
    'plexctl ssh web-01 -l deploy --ttl 10m -t -- top',
    'plexctl ssh web-01 -- tar c /srv > srv.tar',
  ],
  footer:
    '\nThe exit code is that of the command, 128 and its signal, or 255 when plexctl itself has failed.\n',
  async run(context: Context, node: string, words: string[], flags: SshFlags) {
    try {
      await ssh(context, { node, words }, flags)
    } catch (error) {
      if (!(error instanceof CliError || error instanceof ApiError)) throw error
      throw new CliError(describeError(await withNearNames(error, context.connect)), ownFailure)
    }
  },
})

async function ssh(
  { io, connect }: Context,
  { node, words }: { node: string; words: string[] },
  flags: SshFlags,
): Promise<void> {
  const streams = io.streams()
  const { tty = words.length === 0 && streams.stdin.isTTY === true } = flags
  const connection = await connect()
  const spec = { ...specOf(placeOf(node, flags), flags), actions: flags.allowAction }
  using session = await openSession(connection, spec)
  const command = words.length === 0 ? {} : { command: commandLine(words) }
  const end = await runRemote(session.client, { tty, env: io.env, ...command }, streams)
  if (end === 'cut') throw await session.explainEnd()
  io.endWith(exitCodeOf(end))
}
