import type { FleetVersions, Node, VersionCount } from '@plexd/protocol'
import { printable, printJson } from '@plexd/runtime'
import { type Admin, call, custom, type JsonFlag, noun } from '../../command.ts'
import { allPages, type Context } from '../../context.ts'
import { durationFlag, selectorFlag } from '../../terminal/input.ts'
import type { Io } from '../../terminal/io.ts'
import { type Columns, printList } from '../../terminal/output.ts'
import { addManyFlags, type RunFlags, spreadOf } from '../actions/run-flags.ts'
import { finishRun } from '../actions/runs.ts'
import { describeUpgrade } from './describe-upgrade.ts'

/** Which version of plexd nodes run. */
export const upgradeCommands = noun(
  {
    name: 'upgrade',
    description: 'the version of plexd that nodes run',
    examples: ["plexctl upgrade 1.6.0 --selector '*' --canary 1 --wait", 'plexctl upgrade status'],
  },
  // Is meant by `plexctl upgrade VERSION` too.
  custom({
    name: 'start',
    options: { isDefault: true },
    description: 'run another version of plexd on nodes, some at a time',
    args: [['<version>', 'one that was uploaded with "plexctl artifact upload"']],
    flags: (command) =>
      addManyFlags(
        command
          .option('--allow-downgrade', 'also on nodes that run a newer version')
          .option(
            '--timeout <duration>',
            'how long it may take on a node (default 15m)',
            durationFlag,
          )
          .option(
            '--expires <duration>',
            'how long it may wait until the node accepts it',
            durationFlag,
          )
          .option('--wait', 'until it has ended; the exit code is 0 if every node has succeeded'),
      ),
    examples: [
      "plexctl upgrade start 1.6.0 --selector '*' --canary 1 --max-parallel 20 --wait",
      'plexctl upgrade 1.6.0 --node web-01',
      'plexctl action runs pause run_a1b2c3d4',
      'plexctl action runs resume run_a1b2c3d4',
    ],
    async run({ io, connect }: Context, version: string, flags: StartFlags) {
      const { admin } = await connect()
      const body = { ...spreadOf(flags), version, allow_downgrade: flags.allowDowngrade }
      const { body: started } = await admin.createUpgrade({ body })
      await finishRun({ io, admin }, started, flags)
    },
  }),
  call({
    name: 'status',
    description: 'count nodes by version, and list those whose last upgrade did not end well',
    flags: (command) =>
      command.option('--selector <selector>', 'only nodes that it matches', selectorFlag),
    examples: ['plexctl upgrade status', 'plexctl upgrade status --selector env=prod'],
    call: async (admin: Admin, { selector }: { selector?: string }) => {
      const { body, ...answer } = await admin.listVersions({ query: { selector } })
      return { ...answer, body: { ...body, troubles: await readTroubles(admin, body, selector) } }
    },
    print: printFleet,
  }),
)

interface StartFlags extends RunFlags, JsonFlag {
  allowDowngrade?: boolean
  wait?: boolean
}

/** A node that is not where it was to be. */
type Trouble = Pick<Node, 'id' | 'hostname' | 'binary' | 'upgrade'>

/** Lists nodes only if one of them is in trouble. */
async function readTroubles(
  admin: Admin,
  { items }: FleetVersions,
  selector: string | undefined,
): Promise<Trouble[]> {
  const count = items.reduce((sum, { on_trial, rolled_back }) => sum + on_trial + rolled_back, 0)
  if (count === 0) return []
  const nodes = await allPages((page) => admin.listNodes({ query: { ...page, selector } }))
  return nodes
    .filter(({ upgrade }) => upgrade !== null && upgrade.status !== 'confirmed')
    .map(({ id, hostname, binary, upgrade }) => ({ id, hostname, binary, upgrade }))
}

const columns: Columns<VersionCount> = [
  ['version', ({ version, behind }) => `${version || '(not said)'}${behind ? ' (behind)' : ''}`],
  'nodes',
  'online',
  'verified',
  'mismatch',
  'unknown',
  'on_trial',
  'rolled_back',
]

function printFleet(
  io: Io,
  fleet: FleetVersions & { troubles: Trouble[] },
  json: boolean | undefined,
): void {
  if (json) return void printJson(fleet, io.stdout)
  printList(io, fleet.items, { json, columns })
  for (const { nodes, version_trouble } of fleet.items)
    if (version_trouble !== undefined)
      io.stdout.write(
        `(!) ${nodes} ${nodes === 1 ? 'node' : 'nodes'}: ${printable(version_trouble)}\n`,
      )
  for (const { hostname, upgrade } of fleet.troubles)
    if (upgrade)
      io.stdout.write(`(!) ${printable(`${hostname}: ${describeUpgrade(upgrade, io)}`)}\n`)
}
