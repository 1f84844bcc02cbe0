import { addYesFlag, confirm } from '@plexd/runtime'
import { custom, type Entry } from '../../command.ts'
import {
  addTargetFlags,
  describeTarget,
  type TargetFlags,
  targetOf,
} from '../../connection/target.ts'
import type { Context } from '../../context.ts'
import { printDone } from '../../terminal/output.ts'

interface RemoveFlags extends TargetFlags {
  yes?: boolean
  json?: boolean
}

/** The command that removes a data entry or a secret by the operation of that name. */
export function removeEntry({
  of,
  operation,
  targetHelp,
  example,
}: {
  of: string
  operation: 'deleteData' | 'deleteSecret'
  targetHelp?: string
  example: string
}): Entry {
  return custom({
    name: 'remove',
    description: `remove a ${of}`,
    args: [['<key>']],
    flags: (command) => addYesFlag(addTargetFlags(command, targetHelp)),
    examples: [example],
    async run({ io, connect }: Context, key: string, { yes, json, ...flags }: RemoveFlags) {
      const { admin } = await connect()
      const target = await targetOf(admin, flags)
      const what = `"${key}" of ${describeTarget(flags, target)}`
      await confirm(io, { what: `remove ${of} ${what}`, yes })
      const { body } = await admin[operation]({ params: { key }, query: target })
      printDone(io, body, { json, text: `removed ${what}` })
    },
  })
}
