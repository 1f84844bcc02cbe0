import { printableLines, refuseEmptyArguments } from '@plexd/runtime'
import { Command } from 'commander'
import { addAdminTokenCommands } from './commands/access/admin-tokens.ts'
import { addAuthorityCommands } from './commands/access/authority.ts'
import { addMasterKeyCommands } from './commands/access/master-key.ts'
import { addMoveCommands } from './commands/access/move.ts'
import { addSigningKeyCommands } from './commands/access/signing-keys.ts'
import { addTokenCommands } from './commands/access/tokens.ts'
import { addActionCommands } from './commands/actions/actions.ts'
import { addArtifactCommands } from './commands/actions/artifacts.ts'
import { addAlertCommands } from './commands/alerts/alerts.ts'
import { addDataCommands } from './commands/entries/data.ts'
import { addReportCommands } from './commands/entries/reports.ts'
import { addSecretCommands } from './commands/entries/secrets.ts'
import { addEventCommands } from './commands/events/events.ts'
import { addForwardsCommands } from './commands/events/forwards.ts'
import { addTelemetryCommands } from './commands/events/telemetry.ts'
import { addViolationCommands } from './commands/events/violations.ts'
import { addMeshCommands } from './commands/nodes/mesh.ts'
import { addNodeCommands } from './commands/nodes/nodes.ts'
import { addUpgradeCommands } from './commands/nodes/upgrade.ts'
import { addPolicyCommands } from './commands/policies/policies.ts'
import { addCopyCommand } from './commands/sessions/copy.ts'
import { addForwardCommand } from './commands/sessions/forward.ts'
import { addOpenSshCommands } from './commands/sessions/openssh.ts'
import { addSessionCommands } from './commands/sessions/sessions.ts'
import { addSshCommand } from './commands/sessions/ssh.ts'
import { addSettingsCommands } from './commands/settings/settings.ts'
import { addCompletionCommands } from './commands/setup/completion.ts'
import { addConfigCommands } from './commands/setup/config.ts'
import { addVersionCommands } from './commands/setup/version.ts'
import { addSupportCommands } from './commands/support/support.ts'
import { addRecordCommands } from './commands/telemetry/logs.ts'
import { addMetricCommands } from './commands/telemetry/metrics.ts'
import { addTopCommands } from './commands/telemetry/top.ts'
import { connect } from './connection/connection.ts'
import { addGlobalFlags, type Flags, readSettings } from './connection/flags.ts'
import { type Context, examples } from './context.ts'
import type { Io } from './terminal/io.ts'

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
  addUpgradeCommands(program, context)
  addMeshCommands(program, context)
  addDataCommands(program, context)
  addSecretCommands(program, context)
  addReportCommands(program, context)
  addActionCommands(program, context)
  addSshCommand(program, context)
  addCopyCommand(program, context)
  addForwardCommand(program, context)
  addSessionCommands(program, context)
  addOpenSshCommands(program, context)
  addPolicyCommands(program, context)
  addEventCommands(program, context)
  addRecordCommands(program, context)
  addTopCommands(program, context)
  addMetricCommands(program, context)
  addTelemetryCommands(program, context)
  addForwardsCommands(program, context)
  addViolationCommands(program, context)
  addAlertCommands(program, context)
  addArtifactCommands(program, context)
  addSigningKeyCommands(program, context)
  addMasterKeyCommands(program, context)
  addAuthorityCommands(program, context)
  addMoveCommands(program, context)
  addAdminTokenCommands(program, context)
  addSettingsCommands(program, context)
  addSupportCommands(program, context)
  addConfigCommands(program, context)
  addVersionCommands(program, context)
  addCompletionCommands(program, context)
  addFieldWords(program)
  return program
}

/** Aliases for people used to kubectl or a shell. */
const fieldWords: Record<string, string> = { show: 'get', list: 'ls', remove: 'rm' }

function addFieldWords(parent: Command): void {
  for (const command of parent.commands) {
    const word = fieldWords[command.name()]
    if (word !== undefined) command.alias(word)
    addFieldWords(command)
  }
}
