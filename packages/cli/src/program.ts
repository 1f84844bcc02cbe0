import { printableLines, refuseEmptyArguments } from '@plexd/runtime'
import { Command } from 'commander'
import type { Entry } from './command.ts'
import { adminTokenCommands } from './commands/access/admin-tokens.ts'
import { authorityCommands } from './commands/access/authority.ts'
import { masterKeyCommands } from './commands/access/master-key.ts'
import { moveCommands } from './commands/access/move.ts'
import { signingKeyCommands } from './commands/access/signing-keys.ts'
import { tokenCommands } from './commands/access/tokens.ts'
import { actionCommands } from './commands/actions/actions.ts'
import { artifactCommands } from './commands/actions/artifacts.ts'
import { alertCommands } from './commands/alerts/alerts.ts'
import { dataCommands } from './commands/entries/data.ts'
import { reportCommands } from './commands/entries/reports.ts'
import { secretCommands } from './commands/entries/secrets.ts'
import { eventCommands } from './commands/events/events.ts'
import { forwardsCommands } from './commands/events/forwards.ts'
import { telemetryCommands } from './commands/events/telemetry.ts'
import { violationCommands } from './commands/events/violations.ts'
import { meshCommands } from './commands/nodes/mesh.ts'
import { nodeCommands } from './commands/nodes/nodes.ts'
import { upgradeCommands } from './commands/nodes/upgrade.ts'
import { policyCommands } from './commands/policies/policies.ts'
import { copyCommand } from './commands/sessions/copy.ts'
import { forwardCommand } from './commands/sessions/forward.ts'
import { proxyCommand, sshConfigCommand } from './commands/sessions/openssh.ts'
import { sessionCommands } from './commands/sessions/sessions.ts'
import { sshCommand } from './commands/sessions/ssh.ts'
import { settingsCommands } from './commands/settings/settings.ts'
import { statusCommand } from './commands/settings/status.ts'
import { completeCommand, completionCommand } from './commands/setup/completion.ts'
import { configCommands } from './commands/setup/config.ts'
import { versionCommand, whoAmICommand } from './commands/setup/version.ts'
import { supportCommands } from './commands/support/support.ts'
import { auditCommands, logsCommand } from './commands/telemetry/logs.ts'
import { metricCommands } from './commands/telemetry/metrics.ts'
import { topCommands } from './commands/telemetry/top.ts'
import { connect } from './connection/connection.ts'
import { addGlobalFlags, type Flags, readSettings } from './connection/flags.ts'
import { type Context, examples } from './context.ts'
import type { Io } from './terminal/io.ts'

/** In the order of the help. */
const commands: readonly Entry[] = [
  tokenCommands,
  nodeCommands,
  upgradeCommands,
  meshCommands,
  dataCommands,
  secretCommands,
  reportCommands,
  actionCommands,
  sshCommand,
  copyCommand,
  forwardCommand,
  sessionCommands,
  proxyCommand,
  sshConfigCommand,
  policyCommands,
  eventCommands,
  logsCommand,
  auditCommands,
  topCommands,
  metricCommands,
  telemetryCommands,
  forwardsCommands,
  violationCommands,
  alertCommands,
  artifactCommands,
  signingKeyCommands,
  masterKeyCommands,
  authorityCommands,
  moveCommands,
  adminTokenCommands,
  settingsCommands,
  statusCommand,
  supportCommands,
  configCommands,
  whoAmICommand,
  versionCommand,
  completionCommand,
  completeCommand,
]

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
  for (const { add } of commands) add(program, context)
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
