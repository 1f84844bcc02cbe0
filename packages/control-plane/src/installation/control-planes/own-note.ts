import { isDeepStrictEqual } from 'node:util'
import type { Clock } from '@plexd/runtime'
import type { Announced, ControlPlaneRegister } from '../../store/postgres/control-planes.ts'

/** What this control plane says of itself. */
export interface OwnNote {
  /** As it is now, by the clock of this machine. */
  look(): Announced
  /** Tells the others, if they were told of something else or long ago. */
  tell(register: ControlPlaneRegister): Promise<void>
}

const never = Number.NEGATIVE_INFINITY
/** Where nothing has changed, others see by this that it is still there. */
const announceMs = 3_000

export function createOwnNote(
  say: () => Omit<Announced, 'sinceMs'>,
  clock: Pick<Clock, 'now' | 'monotonic'>,
): OwnNote {
  /** Of its state, by either clock. */
  const begin = () => ({ sinceMs: clock.now(), fromMs: clock.monotonic() })
  let note = { self: say(), ...begin(), toldMs: never }

  /** Another note as soon as there is something to tell, which how many streams it has is not. */
  function look(): typeof note {
    const self = say()
    const begun = self.state === note.self.state ? {} : begin()
    if (isDeepStrictEqual({ ...note.self, streams: 0 }, { ...self, streams: 0 })) note.self = self
    else note = { ...note, ...begun, self, toldMs: never }
    return note
  }

  return {
    look() {
      const { self, sinceMs } = look()
      return { ...self, sinceMs }
    },
    async tell(register) {
      const told = look()
      const nowMs = clock.monotonic()
      if (nowMs - told.toldMs < announceMs) return
      await register.announce({ ...told.self, sinceMs: told.sinceMs }, nowMs - told.fromMs)
      told.toldMs = nowMs
    },
  }
}
