import type { SourceStatus, TelemetryKind } from '@plexd/protocol'
import type { Clock } from '@plexd/runtime'
import type { Problems } from '../../health/problems.ts'
import { startTask } from '../../process/task.ts'

export interface SourceProblemsOptions {
  kind: TelemetryKind
  sources(): readonly SourceStatus[]
  problems: Problems
  clock: Clock
}

export interface SourceProblems extends AsyncDisposable {
  /** Looks at once. */
  look(): void
}

const lookMs = 2_000
const tellsMore: Readonly<Record<TelemetryKind, string>> = {
  metrics: 'plexd status --json',
  logs: 'plexd log-status',
  audit: 'plexd audit status',
}

/** Makes each source that has failed a problem of the node, for as long as it is one. */
export function startSourceProblems(options: SourceProblemsOptions): SourceProblems {
  const { kind, sources, problems, clock } = options
  let told = new Set<string>()

  function look(): void {
    const failed = new Set<string>()
    for (const { name, state, detail } of sources()) {
      const part = `${kind} from ${name}`
      // Some sources tell of themselves.
      if (state !== 'failed' || problems.list(part).includes(detail)) continue
      failed.add(part)
      problems.set(part, `${kind} from "${name}": ${detail}: "${tellsMore[kind]}" tells more`)
    }
    for (const part of told) if (!failed.has(part)) problems.clear(part)
    told = failed
  }

  const task = startTask(async (signal) => {
    for (;;) {
      look()
      await clock.sleep(lookMs, signal)
    }
  })
  return { look, [Symbol.asyncDispose]: () => task[Symbol.asyncDispose]() }
}
