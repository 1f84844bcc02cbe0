import { completedShells } from '@plexd/runtime'
import { Argument } from 'commander'
import { defaultConfigFile } from '../../config/agent-config.ts'
import type { SettingName } from '../../config/settings.ts'
import { type Json, withFlags } from '../given/flags.ts'
import { printVersion } from '../version.ts'
import { actionCommands } from './actions.ts'
import { withControlPlane, withJson, withSocket } from './forms.ts'
import { lookCommands } from './look.ts'
import type { CommandRow } from './row.ts'
import { state } from './state.ts'
import { telemetryCommands } from './telemetry.ts'

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
    load: async () => (await import('../join.ts')).runJoin,
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
    load: async () => (await import('../setup/setup.ts')).runSetup,
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
    load: async () => (await import('../up.ts')).runUp,
  },
  down: {
    description: 'Stop the daemon and remove the mesh from this machine; the node stays registered',
    form: withSocket,
    examples: [['plexd down', 'interface, routes, rules and processes go']],
    load: async () => (await import('../down.ts')).runDown,
  },
  ...lookCommands,
  state,
  ...actionCommands,
  ...telemetryCommands,
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
        load: async () => (await import('../config-check.ts')).runConfigCheck,
      },
    },
  },
  'session-server': {
    description: 'Run the remote sessions of this node, for its daemon',
    isHidden: true,
    load: async () => (await import('../../sessions/server/server-process.ts')).serveSessions,
  },
  'session-dialer': {
    description: 'Connect for the forwards of a remote session, as its user',
    isHidden: true,
    load: async () => (await import('../../sessions/server/forwards/dialer.ts')).runDialer,
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
    load: async () => (await import('../deregister.ts')).runDeregister,
  },
  version: {
    description: 'Show the version',
    form: withJson,
    load: async () => async (_flags, given: Json) => printVersion(given.json === true),
  },
  completion: {
    description: 'Print a completion script',
    form: (command) => command.addArgument(new Argument('<shell>').choices(completedShells)),
    examples: [['plexd completion bash > /etc/bash_completion.d/plexd', 'for all users, in bash']],
    load: async () => (await import('../completion.ts')).printCompletion,
  },
}
