import { withFlags } from '../given/flags.ts'
import { addParameter } from '../given/parameter.ts'
import { withConfig, withJson, withSocket } from './forms.ts'
import type { CommandRow } from './row.ts'

const hooks: Record<string, CommandRow> = {
  list: {
    description: 'Show the hooks that the daemon has, and why one does not run',
    form: withSocket,
    examples: [
      ['plexd hooks list', 'for people'],
      [`plexd hooks list --json | jq '.hooks[] | select(.state != "ready")'`, 'for scripts'],
    ],
    load: async () => (await import('../local/hooks.ts')).listHooks,
  },
  verify: {
    description: 'Check the files of all hooks, whether the daemon runs or not',
    form: (command) => withJson(withFlags(withConfig(command), 'hooksDir')),
    examples: [['sudo plexd hooks verify', 'exit code 1 when one does not run']],
    load: async () => (await import('../local/hooks.ts')).verifyHooks,
  },
  reload: {
    description: 'Announce all hooks as they are now; to be called after one was changed',
    form: withSocket,
    examples: [['sudo plexd hooks reload', 'what was changed runs from now on']],
    load: async () => (await import('../local/hooks.ts')).reloadHooks,
  },
}

/** What operators may do here. */
export const actionCommands: Record<string, CommandRow> = {
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
        load: async () => (await import('../local/actions.ts')).listActions,
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
        load: async () => (await import('../local/actions.ts')).runAction,
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
        load: async () => (await import('../local/sessions.ts')).listSessions,
      },
    },
  },
}
