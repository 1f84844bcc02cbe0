import { type ReloadRequests, refuseEmptyArguments } from '@plexd/runtime'
import { Argument, Command } from 'commander'
import { type Flags, readFlags, withFlags } from './commands/flags.ts'
import { printVersion } from './commands/version.ts'
import { defaultConfigFile } from './config/agent-config.ts'

/** The command line of plexd. Each command loads its own code when it runs. `reloadRequests` are for the daemon. */
export function createProgram(reloadRequests?: ReloadRequests): Command {
  const program = new Command('plexd')
    .description(
      'The node agent: enrols this machine, keeps it as the control plane says, serves local programs',
    )
    .showSuggestionAfterError()
    .configureHelp({ showGlobalOptions: true })
    .hook('preAction', (_program, command) => refuseEmptyArguments(command))
  program.addCommand(join())
  program.addCommand(up(reloadRequests))
  program.addCommand(down())
  program.addCommand(status())
  program.addCommand(peers())
  program.addCommand(policies())
  program.addCommand(netcheck())
  program.addCommand(doctor())
  program.addCommand(state())
  program.addCommand(config())
  program.addCommand(deregister())
  program.addCommand(version())
  program.addCommand(completion(program))
  return program
}

function join(): Command {
  return withFlags(withControlPlane(new Command('join')), 'tokenFile', 'hostname')
    .description('Enrol this machine with a bootstrap token, or show who it is already')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      examples(
        [
          'plexd join --api https://cp.example.com --token-file ./token',
          'enrol without a question',
        ],
        ['plexd join --api https://cp.example.com', 'ask for the token at the terminal'],
      ),
    )
    .action(run(async () => (await import('./commands/join.ts')).runJoin))
}

function up(reloadRequests: ReloadRequests | undefined): Command {
  return withFlags(
    withControlPlane(new Command('up')),
    ...(['tokenFile', 'hostname', 'socketPath', 'meshEnabled', 'mode'] as const),
  )
    .description('Run the daemon in the foreground; enrols first if need be')
    .addHelpText(
      'after',
      examples(
        ['plexd up', `run with ${defaultConfigFile}, and what enrolled this machine`],
        [
          'plexd up --api https://localhost:8443 --ca-file ca.crt --token-file ./token --data-dir ./node --socket ./node/api.sock --no-mesh',
          'try it without root',
        ],
      ),
    )
    .action(async (options) => {
      const { runUp } = await import('./commands/up.ts')
      await runUp(readFlags(options), reloadRequests)
    })
}

function down(): Command {
  return withSocket(new Command('down'))
    .description('Stop the daemon and remove the mesh from this machine; the node stays registered')
    .addHelpText('after', examples(['plexd down', 'interface, routes, rules and processes go']))
    .action(run(async () => (await import('./commands/down.ts')).runDown))
}

function peers(): Command {
  return withSocket(new Command('peers'))
    .description('Show how each peer is reached, and why one is not')
    .addHelpText(
      'after',
      examples(
        ['plexd peers', 'for people'],
        [`plexd peers --json | jq '.[] | select(.state != "connected")'`, 'for scripts'],
      ),
    )
    .action(run(async () => (await import('./commands/peers.ts')).runPeers))
}

function policies(): Command {
  return withSocket(new Command('policies'))
    .description('Show the rules that this node enforces, and how many packets each decided')
    .addHelpText(
      'after',
      examples(
        ['plexd policies', 'in the order in which they are tried'],
        [`plexd policies --json | jq '.rules[] | select(.action == "deny")'`, 'for scripts'],
      ),
    )
    .action(run(async () => (await import('./commands/policies.ts')).runPolicies))
}

function netcheck(): Command {
  return withSocket(new Command('netcheck'))
    .description('Look how this node is seen from the internet: endpoint, NAT type, and why')
    .addHelpText(
      'after',
      examples(
        ['plexd netcheck', 'takes up to ten seconds where UDP is blocked'],
        ['plexd netcheck --json | jq -r .public_endpoint', 'for scripts'],
      ),
    )
    .action(run(async () => (await import('./commands/netcheck.ts')).runNetcheck))
}

function doctor(): Command {
  return withUrl(withSocket(new Command('doctor')))
    .description('Check all that plexd needs on this machine, each with its remedy')
    .addHelpText(
      'after',
      examples(
        ['sudo plexd doctor', 'exit code 1 when something must be mended'],
        [`plexd doctor --json | jq '.[] | select(.state == "failed")'`, 'for scripts'],
      ),
    )
    .action(run(async () => (await import('./commands/doctor.ts')).runDoctor))
}

function status(): Command {
  return withSocket(new Command('status'))
    .description('Show how the daemon is doing and what needs a hand')
    .addHelpText(
      'after',
      examples(
        ['plexd status', 'for people; exit code 5 when no daemon runs'],
        ["plexd status --json | jq '.problems'", 'for scripts'],
      ),
    )
    .action(run(async () => (await import('./commands/status.ts')).runStatus))
}

function state(): Command {
  const command = withSocket(new Command('state'))
    .description('Show what the node holds: metadata, data, secrets, reports')
    .addHelpText(
      'after',
      examples(
        ['plexd state', 'all keys'],
        ['plexd state get data nginx.conf', 'one entry, as it is'],
        ['plexd state get secret db/password', 'needs root or the group plexd-secrets'],
        [`plexd state report health --data '{"status":"ok"}'`, 'write a report entry'],
        ['plexd state delete report health', 'delete it'],
      ),
    )
    .action(run(async () => (await import('./commands/state.ts')).showState))
  command.addCommand(stateGet())
  command.addCommand(stateReport())
  command.addCommand(stateDelete())
  return command
}

const kind = (kinds: readonly string[]): Argument =>
  new Argument('<kind>', `one of ${kinds.join(', ')}`).choices(kinds)

function stateGet(): Command {
  return withSocket(new Command('get'))
    .description('Read one entry, or list the keys')
    .addArgument(kind(['metadata', 'data', 'secret', 'report']))
    .argument('[key]', 'slashes belong to the key')
    .action(async (which, key, _, command) => {
      const { getEntry } = await import('./commands/state.ts')
      const options = command.optsWithGlobals()
      await getEntry(readFlags(options), { ...options, kind: which, key })
    })
}

function stateReport(): Command {
  return withSocket(new Command('report'))
    .description('Write a report entry')
    .argument('<key>')
    .requiredOption('--data <json>', 'the payload; "-" reads it from stdin')
    .option('--content-type <type>', 'what the payload is', 'application/json')
    .option('--if-match <version>', 'only over this version; 0: only if there is none')
    .action(async (key, _, command) => {
      const { putReport } = await import('./commands/state.ts')
      const options = command.optsWithGlobals()
      await putReport(readFlags(options), { ...options, key })
    })
}

function stateDelete(): Command {
  return withSocket(new Command('delete'))
    .description('Delete a report entry')
    .addArgument(kind(['report']))
    .argument('<key>')
    .action(async (_kind, key, _, command) => {
      const { deleteReport } = await import('./commands/state.ts')
      const options = command.optsWithGlobals()
      await deleteReport(readFlags(options), { ...options, key })
    })
}

function deregister(): Command {
  return withControlPlane(new Command('deregister'))
    .description('Leave the mesh; the control plane forgets this node')
    .option('--purge', 'remove the identity and all state from this machine as well')
    .option('--force', 'with --purge: do so even if the control plane cannot be told')
    .option('--yes', 'do not ask; nobody is asked where standard input is no terminal')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      examples(
        ['plexd deregister', 'leave, keep the files'],
        ['plexd deregister --purge', 'leave nothing behind; then "plexd join" starts over'],
      ),
    )
    .action(run(async () => (await import('./commands/deregister.ts')).runDeregister))
}

function config(): Command {
  const command = new Command('config').description('The config file of plexd')
  command
    .command('check')
    .description('Look for what is wrong or mistyped in a config file, and change nothing')
    .argument('[file]', `${defaultConfigFile} by default`)
    .option('--json', 'print JSON: the file, and a list of key, state, detail and did_you_mean')
    .addHelpText(
      'after',
      examples(
        ['plexd config check', '0 all is well, 1 something does nothing, 2 plexd would not start'],
        ["plexd config check ./config.yaml --json | jq '.findings[].key'", 'for scripts'],
      ),
    )
    .action(async (file, options) => {
      const { runConfigCheck } = await import('./commands/config-check.ts')
      await runConfigCheck(file, options)
    })
  return command
}

function version(): Command {
  return new Command('version')
    .description('Show the version')
    .option('--json', 'print JSON')
    .action(({ json }) => printVersion(json === true))
}

function completion(program: Command): Command {
  return new Command('completion')
    .description('Print a completion script')
    .addArgument(new Argument('<shell>').choices(['bash', 'zsh', 'fish']))
    .addHelpText(
      'after',
      examples(['plexd completion bash > /etc/bash_completion.d/plexd', 'for all users, in bash']),
    )
    .action(async (shell) => {
      const { printCompletion } = await import('./commands/completion.ts')
      printCompletion(program, shell)
    })
}

function withControlPlane(command: Command): Command {
  return withUrl(withConfig(command))
}

function withUrl(command: Command): Command {
  return withFlags(command, 'apiUrl', 'caFile', 'insecureHttp')
}

function withSocket(command: Command): Command {
  return withFlags(withConfig(command), 'socketPath').option('--json', 'print JSON')
}

function withConfig(command: Command): Command {
  command.option('--config <file>', `config file; ${defaultConfigFile} by default`)
  return withFlags(command, 'dataDir', 'logLevel')
}

/** Loads the code of a command when it runs. */
function run<Options extends Record<string, unknown>>(
  load: () => Promise<(flags: Flags, options: Options) => Promise<void>>,
) {
  return async (options: Options): Promise<void> => (await load())(readFlags(options), options)
}

function examples(...lines: [command: string, what: string][]): string {
  return `\nExamples:\n${lines.map(([command, what]) => `  # ${what}\n  ${command}\n`).join('')}`
}
