/**
 * Loaded into a program of ours before its own code (`node --import`): the time of day is off by as many milliseconds as
 * the file says that PLEXD_TEST_WALL_CLOCK names, at each look. Waits and ages go on as they are, as when somebody sets
 * the clock of a machine. What checks certificates, in C, sees the true time.
 */
import { readFileSync } from 'node:fs'

const file = process.env.PLEXD_TEST_WALL_CLOCK ?? ''
const TrueDate = Date

class ShiftedDate extends TrueDate {
  constructor(...parts: [] | [number]) {
    if (parts.length === 0) super(ShiftedDate.now())
    else super(...parts)
  }

  static override now(): number {
    return TrueDate.now() + Number(readFileSync(file, 'utf8'))
  }
}

globalThis.Date = ShiftedDate as DateConstructor // all of it that is called with `new`
