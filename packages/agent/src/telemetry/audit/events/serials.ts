import { type Static, Type } from 'typebox'

/** What of it is kept over a restart. */
export const KeptSerials = Type.Object({
  serial: Type.Integer({ minimum: 0 }),
  timeMs: Type.Number({ minimum: 0 }),
  /** The first and the last number of each. */
  holes: Type.Array(Type.Tuple([Type.Integer(), Type.Integer()])),
})
export type KeptSerials = Static<typeof KeptSerials>

/** The kernel numbers events without a hole, so what was lost on the way can be counted, wherever it was. */
export interface Serials {
  /** False for an event that was seen before, as after another way was chosen. `nowMs`: of the monotonic clock. */
  isNew(event: { serial: number; timeMs: number }, nowMs: number): boolean
  /** How many events did not come in time and never will; each is counted once. */
  takeLost(nowMs: number): number
  kept(): KeptSerials | undefined
}

interface Hole {
  from: number
  to: number
  sinceMs: number
}

/** Events of two processors may be this far apart. */
const lateMs = 5_000
const maxHoles = 64
/** An event with a lower number that is so much younger is of another boot, which counts from one again. */
const otherBootMs = 60_000

/** `before`: of an earlier run in this boot; what has come since then was lost. */
export function createSerials(before: KeptSerials | undefined, nowMs: number): Serials {
  let last = before && { serial: before.serial, timeMs: before.timeMs }
  let holes: Hole[] = (before?.holes ?? []).map(([from, to]) => ({ from, to, sinceMs: nowMs }))
  let lost = 0

  /** Whether it was missing. */
  function fill(serial: number): boolean {
    const hole = holes.find(({ from, to }) => serial >= from && serial <= to)
    if (!hole) return false
    const parts = [
      { ...hole, to: serial - 1 },
      { ...hole, from: serial + 1 },
    ]
    holes = holes.flatMap((one) =>
      one === hole ? parts.filter(({ from, to }) => from <= to) : one,
    )
    return true
  }

  function giveUp(some: readonly Hole[]): void {
    lost += some.reduce((sum, { from, to }) => sum + to - from + 1, 0)
    holes = holes.filter((hole) => !some.includes(hole))
  }

  return {
    isNew({ serial, timeMs }, nowMs) {
      if (last && serial <= last.serial) {
        if (fill(serial)) return true
        if (timeMs < last.timeMs + otherBootMs) return false
        giveUp(holes)
      } else if (last && serial > last.serial + 1) {
        holes.push({ from: last.serial + 1, to: serial - 1, sinceMs: nowMs })
        giveUp(holes.slice(0, -maxHoles))
      }
      last = { serial, timeMs }
      return true
    },
    takeLost(nowMs) {
      giveUp(holes.filter(({ sinceMs }) => nowMs - sinceMs >= lateMs))
      const taken = lost
      lost = 0
      return taken
    },
    kept: () => last && { ...last, holes: holes.map(({ from, to }) => [from, to]) },
  }
}
