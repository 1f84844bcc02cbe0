import { type Admin, call, custom, type JsonFlag } from '../../command.ts'
import type { Context } from '../../context.ts'
import { printDone } from '../../terminal/output.ts'
import { version } from '../../version.ts'

export const whoAmICommand = call({
  name: 'whoami',
  description: 'show whose token this is',
  examples: ['plexctl whoami'],
  call: (admin: Admin) => admin.whoAmI({}),
  text: ({ name, role, tenant }) => `${name}, ${role} of tenant ${tenant}`,
})

export const versionCommand = custom({
  name: 'version',
  description: 'show the version of plexctl',
  json: 'print JSON',
  examples: ['plexctl version'],
  run: ({ io }: Context, { json }: JsonFlag) =>
    printDone(io, { version }, { json, text: `plexctl ${version}` }),
})
