import { printableLines, refuseEmptyArguments } from '@plexd/runtime'
import { Command } from 'commander'
import { addActionCommands } from './commands/actions.ts'
import { addAdminTokenCommands } from './commands/admin-tokens.ts'
import { addArtifactCommands } from './commands/artifacts.ts'
import { addCompletionCommands } from './commands/completion.ts'
import { addConfigCommands } from './commands/config.ts'
import { addDataCommands } from './commands/data.ts'
import { addEventCommands } from './commands/events.ts'
import { addMasterKeyCommands } from './commands/master-key.ts'
import { addMeshCommands } from './commands/mesh.ts'
import { addNodeCommands } from './commands/nodes.ts'
import { addPolicyCommands } from './commands/policies.ts'
import { addReportCommands } from './commands/reports.ts'
import { addSecretCommands } from './commands/secrets.ts'
import { addSigningKeyCommands } from './commands/signing-keys.ts'
import { addTelemetryCommands } from './commands/telemetry.ts'
import { addTokenCommands } from './commands/tokens.ts'
import { addVersionCommands } from './commands/version.ts'
import { connect } from './connection.ts'
import { type Context, examples } from './context.ts'
import { addGlobalFlags, type Flags, readSettings } from './flags.ts'
import type { Io } from './io.ts'

/** plexctl with all its commands, not run yet. */
export function createProgram(io: Io): Command {
  const program = new Command('plexctl')
    .description('Drives a plexd control plane')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(printableLines(text)),
    })
    .addHelpText(
      'after',
      examples(
        'plexctl config set --server https://127.0.0.1:8443 --ca-file ca.crt --token-file admin-token',
        'plexctl token create --ttl 1h',
        'plexctl node list',
        'plexctl COMMAND --help',
      ),
    )
  addGlobalFlags(program)
  program.hook('preAction', (_program, command) => refuseEmptyArguments(command))

  const flags = (): Flags => program.opts()
  const context: Context = {
    io,
    flags,
    connect: async () => connect(await readSettings(flags(), io.env)),
  }
  addTokenCommands(program, context)
  addNodeCommands(program, context)
  addMeshCommands(program, context)
  addDataCommands(program, context)
  addSecretCommands(program, context)
  addReportCommands(program, context)
  addActionCommands(program, context)
  addPolicyCommands(program, context)
  addEventCommands(program, context)
  addTelemetryCommands(program, context)
  addArtifactCommands(program, context)
  addSigningKeyCommands(program, context)
  addMasterKeyCommands(program, context)
  addAdminTokenCommands(program, context)
  addConfigCommands(program, context)
  addVersionCommands(program, context)
  addCompletionCommands(program, context)
  addFieldWords(program)
  return program
}

/** What fingers type that know kubectl or a shell. */
const fieldWords: Record<string, string> = { show: 'get', list: 'ls', remove: 'rm' }

function addFieldWords(parent: Command): void {
  for (const command of parent.commands) {
    const word = fieldWords[command.name()]
    if (word !== undefined) command.alias(word)
    addFieldWords(command)
  }
}
