import { addYesFlag, confirm } from '@plexd/runtime'
import type { Command } from 'commander'
import {
  addTargetFlags,
  describeTarget,
  type TargetFlags,
  targetOf,
} from '../../connection/target.ts'
import { type Context, examples, jsonHelp } from '../../context.ts'
import { printDone } from '../../terminal/output.ts'

interface RemoveFlags extends TargetFlags {
  yes?: boolean
  json?: boolean
}

/** The command that removes a data entry or a secret, `noun`, by the operation of that name. */
export function addRemoveCommand(
  parent: Command,
  { io, connect }: Context,
  {
    noun,
    operation,
    targetHelp,
    example,
  }: {
    noun: string
    operation: 'deleteData' | 'deleteSecret'
    targetHelp?: string
    example: string
  },
): void {
  addYesFlag(addTargetFlags(parent.command('remove'), targetHelp))
    .description(`remove a ${noun}`)
    .argument('<key>')
    .option('--json', jsonHelp)
    .addHelpText('after', examples(example))
    .action(async (key: string, { yes, json, ...flags }: RemoveFlags) => {
      const { admin } = await connect()
      const target = await targetOf(admin, flags)
      const what = `"${key}" of ${describeTarget(flags, target)}`
      await confirm(io, { what: `remove ${noun} ${what}`, yes })
      const { body } = await admin[operation]({ params: { key }, query: target })
      printDone(io, body, { json, text: `removed ${what}` })
    })
}
