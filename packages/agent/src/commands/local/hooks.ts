import type { HookList, HookStatus } from '@plexd/protocol'
import { formatTable, printable, printJson } from '@plexd/runtime'
import { lookAtHooks } from '../../hooks/look-at-hooks.ts'
import { type Flags, type Json, loadConfigFor } from '../given/flags.ts'
import { show } from './local.ts'

export const listHooks = show('list hooks', (client) => client.listHooks({}), formatHooks)

export const reloadHooks = show('reload hooks', (client) => client.reloadHooks({}), formatHooks, {
  403: ': run as root',
})

/** Looks at the files itself, so it also works before the daemon is started. */
export async function verifyHooks(flags: Flags, { json }: Json): Promise<void> {
  const list = await lookAtHooks(await loadConfigFor(flags))
  if (json) printJson(list)
  else process.stdout.write(formatHooks(list))
  if (list.hooks.some(({ reason }) => reason !== '')) process.exitCode = 1
}

/** A table, then what an operator has to do. */
export function formatHooks({ hooks, warnings }: HookList): string {
  if (hooks.length === 0)
    return `${['there are no hooks', ...warnings].map(printable).join('\n')}\n`
  const table = formatTable(
    ['hook', 'state', 'sandbox', 'user', 'timeout', 'parameters', 'checksum'],
    hooks.map(rowOf),
  )
  const notes = [
    ...hooks.flatMap(({ name, reason }) => (reason === '' ? [] : [`${name}: ${reason}`])),
    ...hooks.flatMap(({ name, warnings }) => warnings.map((text) => `${name}: ${text}`)),
    ...warnings,
  ]
  return `${table}${notes.map((note) => `${printable(note)}\n`).join('')}`
}

function rowOf(hook: HookStatus): string[] {
  const { name, state, sandbox, user, timeout, parameters, checksum } = hook
  return [
    name,
    state,
    sandbox,
    user || '-',
    timeout,
    parameters.map(({ name, required }) => (required ? name : `[${name}]`)).join(' ') || '-',
    checksum.slice(0, 'sha256:'.length + 12) || '-',
  ]
}
