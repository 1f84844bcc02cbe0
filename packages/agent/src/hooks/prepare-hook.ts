import { describeError } from '@plexd/runtime'
import { ActionRefusal } from '../actions/define.ts'
import type { AnnouncedHook } from './announced.ts'
import { parameterVariables } from './declared/parameters.ts'
import type { TrustedFile } from './files/trusted-file.ts'
import type { PrepareHook } from './hook-action.ts'
import { type Deviation, isAsAnnounced, type JudgedHook } from './judge.ts'
import { type HookRegistry, settleMs } from './registry.ts'
import { type RunHookDeps, runHook } from './run/run-hook.ts'

export interface PrepareDeps extends RunHookDeps {
  registry: Pick<HookRegistry, 'hooks' | 'look'>
  /** Reads a hook's file once. */
  read(path: string): Promise<TrustedFile>
  onDeviation(deviation: Deviation): void
}

/**
 * Reads the hook once more, and runs what was read if that is what was announced: what happens to the file afterwards
 * changes nothing. Rejects with an ActionRefusal for anything else.
 */
export function createPrepareHook(deps: PrepareDeps): PrepareHook {
  const { registry } = deps

  function find(name: string): ReadyHook | undefined {
    const hook = registry.hooks().find((one) => one.name === name)
    return hook?.announced && isAsAnnounced(hook)
      ? { ...hook, announced: hook.announced }
      : undefined
  }

  /** The last look may be older than what an operator has put right since. */
  async function findReady(name: string): Promise<ReadyHook> {
    const known = find(name)
    if (known) return known
    await registry.look(settleMs)
    return find(name) ?? refuse()
  }

  async function readAsAnnounced(hook: ReadyHook, expected: string): Promise<Buffer> {
    const { announced, path } = hook
    const file = await deps.read(path).catch(describeError)
    const detail = describeDeviation(file, announced, expected)
    if (typeof file !== 'string' && detail === undefined) return file.bytes
    await registry.look(settleMs)
    // Otherwise that look has told of it. A file may have been put back already.
    if (find(hook.name)) deps.onDeviation(deviationOf(hook, file, { detail, expected }))
    return refuse()
  }

  return async (name, received, expected = '') => {
    const hook = await findReady(name)
    const program = await readAsAnnounced(hook, expected)
    const variables = parameterVariables(hook.declaration.parameters, received)
    return (context) => runHook({ hook, program, variables }, context, deps)
  }
}

type ReadyHook = JudgedHook & { announced: AnnouncedHook }

/** The wire contract's words. */
function refuse(): never {
  throw new ActionRefusal('integrity violation')
}

/** Undefined if the file is the one that was announced, and the one that is asked for, if that is said. */
function describeDeviation(
  file: TrustedFile | string,
  announced: AnnouncedHook,
  expected: string,
): string | undefined {
  if (typeof file === 'string') return file
  if (file.checksum !== announced.checksum) return 'its file was another when it was to run'
  if (expected !== '' && bare(expected) !== bare(announced.checksum))
    return 'the request is for another file than the announced one: if the hook was reloaded while the request waited, ask for it again'
  return undefined
}

/** What was expected is what the request names, if it names anything: a hook that was reloaded is as it was announced. */
function deviationOf(
  { name, path, announced }: ReadyHook,
  file: TrustedFile | string,
  { detail = '', expected }: { detail: string | undefined; expected: string },
): Deviation {
  const actual = typeof file === 'string' ? {} : { actual_checksum: file.checksum }
  return { name, path, expected_checksum: expected || announced.checksum, ...actual, detail }
}

/** Go nodes, and the events for them, leave the algorithm out. */
function bare(checksum: string): string {
  return checksum.replace(/^sha256:/, '').toLowerCase()
}
