import { Argument, type Command } from 'commander'
import { defaultConfigFile } from '../config/agent-config.ts'
import type { SettingName } from '../config/settings.ts'
import { type Caller, type Flags, type Json, withFlags } from './given/flags.ts'
import { addParameter } from './given/parameter.ts'
import { printVersion } from './version.ts'

export interface CommandRow {
  description: string
  /** It is for our own processes, so no help shows it. */
  isHidden?: boolean
  /** Adds its options and arguments. */
  form?(command: Command): Command
  examples?: readonly (readonly [command: string, what: string])[]
  /** The code that runs it, which takes the options and arguments of its form by name. */
  load?(): Promise<(flags: Flags, given: never, caller: Caller) => Promise<void>>
  subcommands?: Readonly<Record<string, CommandRow>>
}

/** Options of what runs the daemon, and of what prepares a machine for it. */
const daemonSettings = [
  'joinFile',
  'tokenFile',
  'hostname',
  'socketPath',
  'hooksDir',
  'meshEnabled',
  'mode',
] as const satisfies SettingName[]

const state: Record<string, CommandRow> = {
  get: {
    description: 'Read one entry, or list the keys',
    form: (command) =>
      withSocket(command)
        .addArgument(kind(['metadata', 'data', 'secret', 'report']))
        .argument('[key]', 'slashes belong to the key'),
    load: async () => (await import('./state.ts')).getEntry,
  },
  report: {
    description: 'Write a report entry',
    form: (command) =>
      withSocket(command)
        .argument('<key>')
        .requiredOption('--data <json>', 'the payload; "-" reads it from stdin')
        .option('--content-type <type>', 'what the payload is', 'application/json')
        .option('--if-match <version>', 'only over this version; 0: only if there is none'),
    load: async () => (await import('./state.ts')).putReport,
  },
  delete: {
    description: 'Delete a report entry',
    form: (command) =>
      withSocket(command)
        .addArgument(kind(['report']))
        .argument('<key>'),
    load: async () => (await import('./state.ts')).deleteReport,
  },
}

const hooks: Record<string, CommandRow> = {
  list: {
    description: 'Show the hooks that the daemon has, and why one does not run',
    form: withSocket,
    examples: [
      ['plexd hooks list', 'for people'],
      [`plexd hooks list --json | jq '.hooks[] | select(.state != "ready")'`, 'for scripts'],
    ],
    load: async () => (await import('./hooks.ts')).listHooks,
  },
  verify: {
    description: 'Check the files of all hooks, whether the daemon runs or not',
    form: (command) => withJson(withFlags(withConfig(command), 'hooksDir')),
    examples: [['sudo plexd hooks verify', 'exit code 1 when one does not run']],
    load: async () => (await import('./hooks.ts')).verifyHooks,
  },
  reload: {
    description: 'Announce all hooks as they are now; to be called after one was changed',
    form: withSocket,
    examples: [['sudo plexd hooks reload', 'what was changed runs from now on']],
    load: async () => (await import('./hooks.ts')).reloadHooks,
  },
}

export const commands: Record<string, CommandRow> = {
  join: {
    description: 'Enrol this machine with a join string or a token, or show who it is already',
    form: (command) =>
      withJson(withFlags(withControlPlane(command), 'joinFile', 'tokenFile', 'hostname'))
        // Refused, with the reason.
        .argument('[join]')
        .usage('[options]'),
    examples: [
      ['plexd join', 'ask for the join string of "plexctl token create --join"'],
      ['plexd join --join-file ./join', 'enrol without a question; "-" is stdin'],
      ['plexd join --api https://cp.example.com --token-file ./token', 'with a token alone'],
    ],
    load: async () => (await import('./join.ts')).runJoin,
  },
  setup: {
    description: 'Make this machine a node: ask what is needed, check it, enrol, start the service',
    form: (command) =>
      withJson(
        withFlags(withControlPlane(command), ...daemonSettings)
          .option('--yes', 'ask nothing; the join string comes from a file or stdin')
          .option('--skip-checks', 'go on even if this machine lacks something'),
      ),
    examples: [
      ['sudo plexd setup', 'asks for the join string of "plexctl token create --join"'],
      ['sudo plexd setup --yes --join-file ./join', 'without a question; "-" is stdin'],
      ['sudo plexd setup --hostname web-01 --no-mesh', 'such settings go into the config file'],
    ],
    load: async () => (await import('./setup/setup.ts')).runSetup,
  },
  up: {
    description: 'Run the daemon in the foreground; enrols first if need be',
    form: (command) => withFlags(withControlPlane(command), ...daemonSettings),
    examples: [
      ['plexd up', `run with ${defaultConfigFile}, and what enrolled this machine`],
      [
        'plexd up --api https://localhost:8443 --ca-file ca.crt --token-file ./token --data-dir ./node --socket ./node/api.sock --no-mesh',
        'try it without root',
      ],
    ],
    load: async () => (await import('./up.ts')).runUp,
  },
  down: {
    description: 'Stop the daemon and remove the mesh from this machine; the node stays registered',
    form: withSocket,
    examples: [['plexd down', 'interface, routes, rules and processes go']],
    load: async () => (await import('./down.ts')).runDown,
  },
  status: {
    description: 'Show how the daemon is doing and what needs a hand',
    form: withSocket,
    examples: [
      ['plexd status', 'for people; exit code 5 when no daemon runs'],
      ["plexd status --json | jq '.problems'", 'for scripts'],
    ],
    load: async () => (await import('./status.ts')).runStatus,
  },
  peers: {
    description: 'Show how each peer is reached, and why one is not',
    form: withSocket,
    examples: [
      ['plexd peers', 'for people'],
      [`plexd peers --json | jq '.[] | select(.state != "connected")'`, 'for scripts'],
    ],
    load: async () => (await import('./peers.ts')).runPeers,
  },
  policies: {
    description: 'Show the rules that this node enforces, and how many packets each decided',
    form: withSocket,
    examples: [
      ['plexd policies', 'in the order in which they are tried'],
      [`plexd policies --json | jq '.rules[] | select(.action == "deny")'`, 'for scripts'],
    ],
    load: async () => (await import('./policies.ts')).runPolicies,
  },
  netcheck: {
    description: 'Look how this node is seen from the internet: endpoint, NAT type, and why',
    form: withSocket,
    examples: [
      ['plexd netcheck', 'takes up to ten seconds where UDP is blocked'],
      ['plexd netcheck --json | jq -r .public_endpoint', 'for scripts'],
    ],
    load: async () => (await import('./netcheck.ts')).runNetcheck,
  },
  doctor: {
    description: 'Check all that plexd needs on this machine, each with its remedy',
    form: (command) => withUrl(withSocket(command)),
    examples: [
      ['sudo plexd doctor', 'exit code 1 when something must be mended'],
      [`plexd doctor --json | jq '.[] | select(.state == "failed")'`, 'for scripts'],
    ],
    load: async () => (await import('./doctor.ts')).runDoctor,
  },
  bugreport: {
    description:
      'Gather what support wants to see in one file, without a secret; works without the daemon',
    form: (command) =>
      withUrl(withSocket(command))
        .option(
          '--out <file>',
          'a new file, or "-" for stdout; named by machine and time by default',
        )
        .option('--since <duration>', 'how far back the log goes', '1h'),
    examples: [
      ['sudo plexd bugreport', 'a tar.gz in the current folder; look before you send it'],
      ['sudo plexd bugreport --since 24h --out /tmp/report.tar.gz', 'with the log of a day'],
      ['ssh web-01 sudo plexd bugreport --out - > web-01.tar.gz', 'where the disk is full'],
    ],
    load: async () => (await import('./bugreport.ts')).runBugreport,
  },
  state: {
    description: 'Show what the node holds: metadata, data, secrets, reports',
    form: withSocket,
    examples: [
      ['plexd state', 'all keys'],
      ['plexd state get data nginx.conf', 'one entry, as it is'],
      ['plexd state get secret db/password', 'needs root or the group plexd-secrets'],
      [`plexd state report health --data '{"status":"ok"}'`, 'write a report entry'],
      ['plexd state delete report health', 'delete it'],
    ],
    load: async () => (await import('./state.ts')).showState,
    subcommands: state,
  },
  hooks: {
    description: "This machine's own programs that operators may run as actions",
    subcommands: hooks,
  },
  actions: {
    description: 'What this node can do when it is asked: built-in actions and hooks',
    subcommands: {
      list: {
        description:
          'List the actions of this node, with their parameters; as root, or in a session those that it may run',
        form: withSocket,
        examples: [['sudo plexd actions list', 'those in brackets may be left out']],
        load: async () => (await import('./actions.ts')).listActions,
      },
      run: {
        description:
          'Run an action on this node, as root or in a session that allows it; Ctrl-C cancels it',
        form: (command) =>
          withSocket(command)
            .argument('<action>', 'one that "plexd actions list" shows')
            .option('--param <key=value>', 'a parameter; may be repeated', addParameter)
            .option('--timeout <duration>', 'how long it may run; that of the action by default')
            .option('--local', 'without the daemon, for when it does not answer'),
        examples: [
          ['sudo plexd actions run diagnostics.ping_peer --param peer_id=db-01', 'ask a peer'],
          ['sudo plexd actions run diagnostics.collect --local', 'when no daemon answers'],
          ['sudo plexd actions run health.check --json | jq .exit_code', 'for scripts'],
        ],
        load: async () => (await import('./actions.ts')).runAction,
      },
    },
  },
  sessions: {
    description: 'Sessions of operators on this node',
    subcommands: {
      list: {
        description: 'List those that have not ended: who, as which user, from where, until when',
        form: withSocket,
        examples: [
          ['plexd sessions list', 'for people'],
          [`plexd sessions list --json | jq -r '.items[].id'`, 'for scripts'],
        ],
        load: async () => (await import('./sessions.ts')).listSessions,
      },
    },
  },
  'log-status': {
    description: 'Show which logs this node sends, what waits, and what was lost',
    form: withSocket,
    examples: [
      ['plexd log-status', 'for people'],
      [`plexd log-status --json | jq '.sources[] | select(.state != "running")'`, 'for scripts'],
    ],
    load: async () => (await import('./telemetry.ts')).showLogStatus,
  },
  audit: {
    description: 'Show which audit records this node sends, what waits, and what was lost',
    form: withSocket,
    examples: [
      ['plexd audit', 'for people'],
      ['plexd audit status --json | jq .lag_seconds', 'for scripts'],
    ],
    load: async () => (await import('./telemetry.ts')).showAuditStatus,
    subcommands: {
      status: {
        description: 'The same',
        form: withSocket,
        load: async () => (await import('./telemetry.ts')).showAuditStatus,
      },
    },
  },
  config: {
    description: 'The config file of plexd',
    subcommands: {
      check: {
        description: 'Look for what is wrong or mistyped in a config file, and change nothing',
        form: (command) =>
          command
            .argument('[file]', `${defaultConfigFile} by default`)
            .option(
              '--json',
              'print JSON: the file, and a list of key, state, detail and did_you_mean',
            ),
        examples: [
          [
            'plexd config check',
            '0 all is well, 1 something does nothing or is not there, 2 plexd would not start',
          ],
          ["plexd config check ./config.yaml --json | jq '.findings[].key'", 'for scripts'],
        ],
        load: async () => (await import('./config-check.ts')).runConfigCheck,
      },
    },
  },
  'session-server': {
    description: 'Run the remote sessions of this node, for its daemon',
    isHidden: true,
    load: async () => (await import('../sessions/server/server-process.ts')).serveSessions,
  },
  'session-dialer': {
    description: 'Connect for the forwards of a remote session, as its user',
    isHidden: true,
    load: async () => (await import('../sessions/server/forwards/dialer.ts')).runDialer,
  },
  deregister: {
    description: 'Leave the mesh; the control plane forgets this node',
    form: (command) =>
      withJson(
        withControlPlane(command)
          .option('--purge', 'remove the identity and all state from this machine as well')
          .option('--force', 'with --purge: do so even if the control plane cannot be told')
          .option('--yes', 'do not ask; nobody is asked where standard input is no terminal'),
      ),
    examples: [
      ['plexd deregister', 'leave, keep the files'],
      ['plexd deregister --purge', 'leave nothing behind; then "plexd join" starts over'],
    ],
    load: async () => (await import('./deregister.ts')).runDeregister,
  },
  version: {
    description: 'Show the version',
    form: withJson,
    load: async () => async (_flags, given: Json) => printVersion(given.json === true),
  },
  completion: {
    description: 'Print a completion script',
    form: (command) =>
      command.addArgument(new Argument('<shell>').choices(['bash', 'zsh', 'fish'])),
    examples: [['plexd completion bash > /etc/bash_completion.d/plexd', 'for all users, in bash']],
    load: async () => (await import('./completion.ts')).printCompletion,
  },
}

function kind(kinds: readonly string[]): Argument {
  return new Argument('<kind>', `one of ${kinds.join(', ')}`).choices(kinds)
}

function withControlPlane(command: Command): Command {
  return withUrl(withConfig(command))
}

function withUrl(command: Command): Command {
  return withFlags(command, 'apiUrl', 'caFile', 'caFingerprint', 'insecureHttp')
}

function withSocket(command: Command): Command {
  return withJson(withFlags(withConfig(command), 'socketPath'))
}

function withJson(command: Command): Command {
  return command.option('--json', 'print JSON')
}

function withConfig(command: Command): Command {
  command.option('--config <file>', `config file; ${defaultConfigFile} by default`)
  return withFlags(command, 'dataDir', 'logLevel')
}
