import { CliError, createCommandLog, exitCodes, printable, printJson } from '@plexd/runtime'
import { type AgentConfig, requireApiUrl } from '../config/agent-config.ts'
import { askDaemon } from '../doctor/ask-daemon.ts'
import { withJoinString } from '../registration/join-string.ts'
import { type Flags, type Json, loadConfigFor } from './given/flags.ts'
import { askSecret } from './given/prompt.ts'
import { isPiped, readLine } from './given/stdin.ts'
import { findOrEnrol } from './setup/find-or-enrol.ts'

/** Enrols and prints the identity; a node that is already enrolled is only shown. */
export async function runJoin(
  flags: Flags,
  { json, join }: Json & { join?: string },
): Promise<void> {
  if (join !== undefined) throw onTheCommandLine
  const config = await loadConfigFor(flags)
  const log = createCommandLog('plexd', flags.settings.logLevel)
  const { node_id, mesh_ip, hostname } = await findOrEnrol(config, flags, { log, withJoin })
  if (json) printJson({ node_id, mesh_ip, hostname })
  else {
    const [id, name, ip] = [node_id, hostname, mesh_ip].map(printable)
    process.stdout.write(`node_id: ${id}\nhostname: ${name}\nmesh_ip: ${ip}\n`)
    await tellNext(config)
  }
}

/** Who has joined has no daemon by that. */
async function tellNext(config: AgentConfig): Promise<void> {
  if ((await askDaemon(config, (client) => client.getStatus({}))) instanceof Error)
    process.stderr.write(
      'plexd: next, start the daemon: "systemctl enable --now plexd", or "plexd up" in the foreground\n',
    )
}

const onTheCommandLine = new CliError(
  'join: every user of this machine sees what is on a command line: give the join string to the prompt, to stdin, or by --join-file FILE; revoke the token that was shown ("plexctl token revoke ID") and make another',
  exitCodes.usage,
)

/** The settings, and a join string if there is one; a person is asked for it if nothing says where the control plane is. */
async function withJoin(config: AgentConfig): Promise<AgentConfig> {
  const askPerson = process.stdin.isTTY ? () => askSecret('Join string: ') : undefined
  const ask = askPerson ?? (isPiped() ? readLine : undefined)
  const joined = await withJoinString(config, { env: process.env, stdin: readLine, ask })
  requireApiUrl(joined)
  return joined
}
