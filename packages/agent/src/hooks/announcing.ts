import type { Announced, AnnouncedHook } from './announced.ts'
import type { FoundHook } from './files/find-hooks.ts'
import { type Deviation, deviationOf, type JudgedHook } from './judge.ts'

/**
 * Announces hooks of which nothing was announced yet. One whose files were changed in the last `settleMs` may still be copied there, and
 * waits. Pure.
 */
export function announceNew(
  judged: readonly JudgedHook[],
  announced: Announced,
  { nowMs, settleMs }: { nowMs: number; settleMs: number },
): { announced: Announced; isWaiting: boolean } {
  const fresh = judged.filter(({ state }) => state === 'new')
  const settled = fresh.filter(({ changedMs }) => Math.abs(nowMs - changedMs) >= settleMs)
  const hooks = new Map(announced.hooks)
  for (const hook of settled) hooks.set(hook.name, announcementOf(hook))
  return { announced: { ...announced, hooks }, isWaiting: settled.length < fresh.length }
}

/** Announces all hooks as they are now, and forgets those that are gone. Pure. */
export function announceAll(found: readonly FoundHook[], announced: Announced): Announced {
  const hooks = found.flatMap((hook): [string, AnnouncedHook][] => {
    if (hook.fault === undefined) return [[hook.name, announcementOf(hook)]]
    const before = announced.hooks.get(hook.name)
    return before ? [[hook.name, before]] : []
  })
  return { hooks: new Map(hooks), isDamaged: false }
}

/** The deviations that nobody was told of yet, and that they are told now. Pure. */
export function tellDeviations(
  judged: readonly JudgedHook[],
  announced: Announced,
): { announced: Announced; deviations: Deviation[] } {
  const hooks = new Map(announced.hooks)
  const deviations: Deviation[] = []
  for (const hook of judged) {
    const before = hooks.get(hook.name)
    if (!before) continue
    const deviation = deviationOf(hook)
    const key = deviation && keyOf(deviation)
    if (key === before.reported) continue
    hooks.set(hook.name, withReported(before, key))
    if (deviation) deviations.push(deviation)
  }
  return { announced: { ...announced, hooks }, deviations }
}

/** Only for a hook without a fault, whose file was read. */
function announcementOf({ checksum = '', sidecarChecksum }: FoundHook): AnnouncedHook {
  return {
    checksum,
    ...(sidecarChecksum === undefined ? {} : { sidecar_checksum: sidecarChecksum }),
  }
}

function withReported(hook: AnnouncedHook, key: string | undefined): AnnouncedHook {
  const { reported: _, ...rest } = hook
  return key === undefined ? rest : { ...rest, reported: key }
}

function keyOf({ actual_checksum = '', detail }: Deviation): string {
  return `${actual_checksum} ${detail}`
}
