import type { Clock, KeptLine } from '@plexd/runtime'
import { startRounds } from '../../process/task.ts'
import type { Collecting } from '../buffer/collector.ts'
import type { Intake } from './records/intake.ts'
import { severityOf } from './records/log-record.ts'

export interface OwnLogOptions {
  intake: Intake
  /** The newest lines, oldest first. */
  lines(): readonly KeptLine[]
  clock: Clock
}

const source = 'plexd'
const lookMs = 1_000

/** Takes plexd's own log from memory, where it does not go to the journal: what it says a moment before it is killed is lost. */
export function startOwnLog({ intake, lines, clock }: OwnLogOptions): Collecting {
  /** The newest that was taken. */
  let last: KeptLine | undefined
  const rounds = startRounds({ clock, ms: lookMs }, async (signal) => {
    const all = lines()
    const fresh = all.slice(last ? all.lastIndexOf(last) + 1 : 0)
    last = fresh.at(-1) ?? last
    if (!last || fresh.length === 0) return
    const said = fresh.map(({ atMs, text }) => ({
      timeMs: atMs,
      source,
      unit: source,
      text,
      severity: severityOf(text),
      isCut: false,
    }))
    const bytes = fresh.reduce((sum, { text }) => sum + text.length, 0)
    await intake.add(said, bytes, { source, value: String(last.atMs) }, signal)
  })
  return {
    sources: () => [{ name: source, state: 'running', detail: "plexd's own log" }],
    [Symbol.asyncDispose]: () => rounds[Symbol.asyncDispose](),
  }
}
