import { hasRunEnded, type Run, runStates } from '@plexd/protocol'
import { CliError } from '@plexd/runtime'
import { Option } from 'commander'
import { type Admin, call, custom, type JsonFlag, list, noun } from '../../command.ts'
import { allPages, type Context } from '../../context.ts'
import { age, printDone } from '../../terminal/output.ts'
import { manyFlagsIn, type RunFlags, specOf } from './run-flags.ts'
import { allNodes, printOutputs, printRun, progressOf } from './run-output.ts'
import { waitForRun } from './wait-run.ts'

const runArgument = ['<run>', 'its id, as `action runs list` shows it'] as const

/** One action on many nodes. */
export const runsCommands = noun(
  { name: 'runs', description: 'runs of an action on many nodes' },
  list({
    description: 'list runs, newest first',
    flags: (command) =>
      command.addOption(new Option('--state <state>', 'only those').choices(runStates)),
    examples: ['plexctl action runs list', 'plexctl action runs list --state running'],
    items: (admin: Admin, { state }: { state?: Run['state'] }) =>
      allPages((query) => admin.listRuns({ query: { ...query, state } })),
    columns: [
      'id',
      'action',
      'state',
      ['nodes', (run) => progressOf({ ...run, reason: '' })],
      'schedule',
      age('created_at'),
    ],
  }),
  call({
    name: 'show',
    description: 'show a run and its nodes',
    args: [runArgument],
    examples: ['plexctl action runs show run_a1b2c3d4'],
    call: async (admin: Admin, run_id: string) => {
      const answer = await admin.getRun({ params: { run_id } })
      return { ...answer, body: { ...answer.body, nodes: await allNodes(admin, run_id) } }
    },
    print: printRun,
  }),
  call({
    name: 'pause',
    description: 'let no further node begin; those that run it go on',
    args: [runArgument],
    examples: ['plexctl action runs pause run_a1b2c3d4'],
    call: (admin: Admin, run_id: string) => admin.pauseRun({ params: { run_id } }),
    text: (run) => `${run.state} ${run.id}: ${progressOf(run)}`,
  }),
  call({
    name: 'resume',
    description: 'go on with a paused run',
    args: [runArgument],
    examples: ['plexctl action runs resume run_a1b2c3d4'],
    call: (admin: Admin, run_id: string) => admin.resumeRun({ params: { run_id } }),
    text: (run) => `${run.state} ${run.id}: ${progressOf(run)}`,
  }),
  call({
    name: 'cancel',
    description: 'let no further node begin, and cancel it on those that run it',
    args: [runArgument],
    examples: ['plexctl action runs cancel run_a1b2c3d4'],
    call: (admin: Admin, run_id: string) => admin.cancelRun({ params: { run_id } }),
    text: (run) => `${hasRunEnded(run) ? run.state : 'cancelling'} ${run.id}: ${progressOf(run)}`,
  }),
  custom({
    name: 'retry',
    description: 'run the same again on the nodes of an ended run that failed',
    args: [runArgument],
    flags: (command) =>
      command
        .option('--unfinished', 'also on those that were cancelled, or did not begin')
        .option('--wait', 'until it has ended; the exit code is 0 if every node has succeeded'),
    examples: [
      'plexctl action runs retry run_a1b2c3d4 --wait',
      'plexctl action runs retry run_a1b2c3d4 --unfinished',
    ],
    async run({ io, connect }: Context, run_id: string, flags: JsonFlag & RetryFlags) {
      const { admin } = await connect()
      const body = flags.unfinished ? { unfinished: true } : {}
      const { body: started } = await admin.retryRun({ params: { run_id }, body })
      await finishRun({ io, admin }, started, flags)
    },
  }),
)

interface RetryFlags {
  unfinished?: boolean
  wait?: boolean
}

/** `action run` with a selector or a list of nodes in place of one. */
export async function runOnMany(
  { io, connect }: Context,
  action: string,
  flags: RunFlags & JsonFlag & { wait?: boolean },
): Promise<void> {
  const { admin } = await connect()
  const { body: started } = await admin.createRun({ body: specOf(action, flags) })
  await finishRun({ io, admin }, started, flags)
}

/** Says that a run has started, or waits until it has ended. Throws a CliError if not every node has succeeded. */
export async function finishRun(
  { io, admin }: { io: Context['io']; admin: Admin },
  started: Run,
  { wait, json }: JsonFlag & { wait?: boolean },
): Promise<void> {
  if (!wait) {
    const { id } = started
    const text = `started ${id}: ${progressOf(started)}; see "plexctl action runs show ${id}"`
    return printDone(io, started, { json, text })
  }
  const ended = await waitForRun(admin, started, io)
  await printOutputs({ io, admin }, ended, json)
  if (ended.state === 'succeeded') return
  const why = ended.reason === '' ? '' : `: ${ended.reason}`
  throw new CliError(`run action "${ended.action}": run "${ended.id}" ${ended.state}${why}`)
}

/** Throws a CliError for flags that need a selector or a list of nodes. */
export function refuseManyFlags(flags: RunFlags): void {
  const [flag] = manyFlagsIn(flags)
  if (flag !== undefined)
    throw new CliError(`${flag} is for many nodes: want --selector or --node with it`, 2)
}
