import { readFileSync } from 'node:fs'
import { bundleName, saveBundle, secretValues } from '@plexd/runtime'
import { custom, type JsonFlag, noun } from '../../command.ts'
import { readSettings } from '../../connection/flags.ts'
import type { Context } from '../../context.ts'
import { collectText } from '../../terminal/input.ts'
import { version } from '../../version.ts'
import { fleetParts } from './fleet-parts.ts'
import { nodeParts } from './node-parts.ts'

export const supportCommands = noun(
  {
    name: 'support',
    description: 'what support wants to see',
    examples: ['plexctl support bundle'],
  },
  custom({
    name: 'bundle',
    description:
      'gather in one file what the control plane tells you of the fleet, without a secret',
    flags: (command) =>
      command
        .option(
          '--out <file>',
          'a new file, or "-" for stdout; named by machine and time by default',
        )
        .option('--node <name>', 'a node to show whole; may be repeated', collectText),
    json: 'print JSON: file, bytes, notes, and a list of parts',
    examples: [
      'plexctl support bundle --node web-01 --node db-01',
      'plexctl support bundle --out bundle.tar.gz --json | jq ".parts[] | select(.error)"',
    ],
    run: saveFleet,
  }),
)

interface BundleFlags extends JsonFlag {
  out?: string
  node?: string[]
}

async function saveFleet(context: Context, { out, node = [], json }: BundleFlags): Promise<void> {
  const { io } = context
  const { admin, open } = await context.connect()
  const settings = await readSettings(context.flags(), io.env)
  const nowMs = io.clock.now()
  await saveBundle({
    ...{ out, json, nowMs, stdout: io.stdout },
    folder: bundleName('plexd-support', nowMs),
    head: { program: 'plexctl', version, server: settings.server?.value },
    parts: [
      ...fleetParts(admin, open),
      ...[...new Set(node)].flatMap((name) => nodeParts(admin, open, name)),
    ],
    secrets: [...secretValues(io.env), ...tokenOf(settings.tokenFile?.value)],
    isBlind: false,
    notes: [
      'settings, log and database of the control plane are on its machine: plexd-control-plane bugreport',
      'what a node says of itself is on that node: sudo plexd bugreport',
    ],
  })
}

/** It was read before, to connect. */
function tokenOf(path: string | undefined): string[] {
  return path === undefined ? [] : [readFileSync(path, 'utf8').trim()]
}
