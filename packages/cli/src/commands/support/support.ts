import { readFileSync } from 'node:fs'
import { bundleName, saveBundle, secretValues } from '@plexd/runtime'
import type { Command } from 'commander'
import type { JsonFlag } from '../../command.ts'
import { readSettings } from '../../connection/flags.ts'
import { type Context, examples } from '../../context.ts'
import { version } from '../../version.ts'
import { fleetParts } from './fleet-parts.ts'
import { nodeParts } from './node-parts.ts'

export function addSupportCommands(program: Command, context: Context): void {
  program
    .command('support')
    .description('what support wants to see')
    .addHelpText('after', examples('plexctl support bundle'))
    .command('bundle')
    .description(
      'gather in one file what the control plane tells you of the fleet, without a secret',
    )
    .option('--out <file>', 'a new file, or "-" for stdout; named by machine and time by default')
    .option('--node <name>', 'a node to show whole; may be repeated', addName)
    .option('--json', 'print JSON: file, bytes, notes, and a list of parts')
    .addHelpText(
      'after',
      examples(
        'plexctl support bundle --node web-01 --node db-01',
        'plexctl support bundle --out bundle.tar.gz --json | jq ".parts[] | select(.error)"',
      ),
    )
    .action((flags: BundleFlags) => saveFleet(context, flags))
}

interface BundleFlags extends JsonFlag {
  out?: string
  node?: string[]
}

function addName(name: string, before: readonly string[] = []): string[] {
  return [...before, name]
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
