import type { Announced, AnnouncedHook } from './announced.ts'
import type { FoundHook } from './files/find-hooks.ts'

/** A hook on the disk, compared with what was announced of it. */
export interface JudgedHook extends FoundHook {
  /**
   * `new`: nothing was announced yet, and nothing is wrong with it; `lacking`: it is as it was announced, and the machine
   * lacks what it needs.
   */
  state: 'ready' | 'new' | 'changed' | 'lacking' | 'refused'
  /** Why it does not run; empty if it does. */
  reason: string
  announced: AnnouncedHook | undefined
}

/** Compares the hooks with what was announced. Pure. */
export function judge(found: readonly FoundHook[], announced: Announced): JudgedHook[] {
  return found.map((hook) => {
    const before = announced.hooks.get(hook.name)
    return { ...hook, announced: before, ...verdict(hook, before, announced.isDamaged) }
  })
}

function verdict(
  hook: FoundHook,
  before: AnnouncedHook | undefined,
  isDamaged: boolean,
): Pick<JudgedHook, 'state' | 'reason'> {
  if (hook.fault !== undefined) return { state: 'refused', reason: hook.fault }
  const lacking = hook.lacks.join('; ')
  if (!before)
    return isDamaged
      ? changed('what was announced is not known any more')
      : { state: 'new', reason: lacking }
  if (hook.checksum !== before.checksum) return changed('its file is another than was announced')
  if (hook.sidecarChecksum !== before.sidecar_checksum)
    return changed('its declaration is another than was announced')
  return { state: lacking === '' ? 'ready' : 'lacking', reason: lacking }
}

/** Whether its file and declaration are those that were announced. */
export function isAsAnnounced({ state }: Pick<JudgedHook, 'state'>): boolean {
  return state === 'ready' || state === 'lacking'
}

function changed(reason: string): Pick<JudgedHook, 'state' | 'reason'> {
  return {
    state: 'changed',
    reason: `${reason}: if that is as you want it, announce it with "plexd hooks reload"`,
  }
}

/** A violation that the control plane has to hear of: a hook that was announced, and is not as it was. */
export interface Deviation {
  name: string
  path: string
  expected_checksum: string
  /** Missing if the file must not be read. */
  actual_checksum?: string
  detail: string
}

/** Undefined for a hook that is as it was announced, or never was. */
export function deviationOf(hook: JudgedHook): Deviation | undefined {
  const { name, path, announced, checksum, reason } = hook
  if (!announced || isAsAnnounced(hook)) return undefined
  return {
    name,
    path,
    expected_checksum: announced.checksum,
    ...(checksum === undefined ? {} : { actual_checksum: checksum }),
    detail: reason,
  }
}
