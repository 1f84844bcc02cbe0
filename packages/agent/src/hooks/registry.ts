import { type Clock, createSerialQueue, describeError, type Log } from '@plexd/runtime'
import { type Announced, readAnnounced, writeAnnounced } from './announced.ts'
import { announceAll, announceNew, tellDeviations } from './announcing.ts'
import { type FindOptions, type FoundHooks, findHooks } from './files/find-hooks.ts'
import { type Deviation, type JudgedHook, judge } from './judge.ts'

/** A file that was changed more recently may still be written. */
export const settleMs = 1_000

/** The hooks of this machine, and what was announced of them. */
export interface HookRegistry {
  /** As they were at the last look, by name. */
  hooks(): readonly JudgedHook[]
  /** Of the folder, at the last look. */
  warnings(): readonly string[]
  /** Why the folder could not be read; otherwise empty. */
  fault(): string
  /**
   * Looks at all files, and announces new hooks, except those whose files changed in the last `settleMs`. Resolves
   * to whether there are such.
   */
  look(settleMs: number): Promise<boolean>
  /** Announces all hooks as they are now. */
  reload(): Promise<void>
}

export interface RegistryDeps {
  find: FindOptions
  dataDir: string
  /** After every look. */
  onLook(): void
  /** A hook is not as it was announced; told once. */
  onDeviation(deviation: Deviation): void
  /** What was announced cannot be written. */
  onFailure(error: unknown): void
  clock: Pick<Clock, 'now'>
  log: Log
}

export function createHookRegistry(deps: RegistryDeps): HookRegistry {
  const inTurn = createSerialQueue()
  let announced = recall(deps)
  /** What of it is on the disk. */
  let written: Announced['hooks'] | undefined = announced.hooks
  let found: FoundHooks = { hooks: [], warnings: [] }
  let judged: JudgedHook[] = []
  let fault = ''

  async function find(): Promise<void> {
    try {
      found = await findHooks(deps.find)
      fault = ''
    } catch (error) {
      found = { hooks: [], warnings: [] }
      fault = `the folder of hooks cannot be read: ${describeError(error)}`
    }
  }

  async function keep(next: Announced): Promise<void> {
    const seen = judge(found.hooks, next)
    const told = tellDeviations(seen, next)
    announced = told.announced
    await write()
    judged = seen
    for (const deviation of told.deviations) deps.onDeviation(deviation)
    deps.onLook()
  }

  /** What could not be written is tried again at the next look. */
  async function write(): Promise<void> {
    const { hooks, isDamaged } = announced
    if (isDamaged || (written && isSame(written, hooks))) return
    try {
      await writeAnnounced(deps.dataDir, hooks)
      written = hooks
    } catch (error) {
      written = undefined
      deps.log.error('announced hooks cannot be written', { error })
      deps.onFailure(error)
    }
  }

  return {
    hooks: () => judged,
    warnings: () => found.warnings,
    fault: () => fault,
    look: (settleMs) =>
      inTurn(async () => {
        await find()
        const now = { nowMs: deps.clock.now(), settleMs }
        const next = announceNew(judge(found.hooks, announced), announced, now)
        await keep(next.announced)
        return next.isWaiting
      }),
    reload: () =>
      inTurn(async () => {
        await find()
        await keep(announceAll(found.hooks, announced))
      }),
  }
}

function isSame(a: Announced['hooks'], b: Announced['hooks']): boolean {
  return JSON.stringify([...a]) === JSON.stringify([...b])
}

/** What cannot be read is not known, so no hook runs until somebody announces them. */
function recall({ dataDir, log }: RegistryDeps): Announced {
  try {
    return readAnnounced(dataDir)
  } catch (error) {
    log.error('announced hooks cannot be read', { error })
    return { hooks: new Map(), isDamaged: true }
  }
}
