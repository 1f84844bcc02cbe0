import type { MetricPoint, SourceStatus } from '@plexd/protocol'
import { type Clock, describeError, withJitter } from '@plexd/runtime'
import type { Problems } from '../../health/problems.ts'
import { startTask } from '../../process/task.ts'
import { type ParsedExposition, type ParsedSample, parseExposition } from './parse-exposition.ts'

export interface ScrapeOptions {
  /** Each the whole address, as `http://127.0.0.1:9100/metrics`. */
  urls: readonly string[]
  intervalMs: number
  append(points: readonly MetricPoint[]): Promise<unknown>
  problems: Pick<Problems, 'set'>
  clock: Clock
}

/** Where the metrics of a program are read; one that is read in part runs, and says what is left out. */
export function scrapeSource(url: string, problems: Pick<Problems, 'of'>): SourceStatus {
  const detail = problems.of(problemOf(url))
  const failed = detail.startsWith(describeFailure(url))
  return { name: url, state: failed ? 'failed' : 'running', detail }
}

function problemOf(url: string): string {
  return `scrape ${url}`
}

function describeFailure(url: string): string {
  return `metrics of "${url}" (observe.scrape) cannot be read: `
}

const maxBytes = 4 * 1024 * 1024
const maxSamples = 2_000
const timeoutMs = 10_000
/** A record has a size that the control plane takes. */
const samplesPerPoint = 200
/** Of a group. */
const maxGroupChars = 256

/** Asks each program for its metrics at each interval, one after another. What one of them does not answer is a problem that status shows. */
export function startScrape(options: ScrapeOptions): AsyncDisposable {
  const { urls, intervalMs, append, problems, clock } = options

  async function scrape(url: string, signal: AbortSignal): Promise<void> {
    try {
      const text = await fetchText(url, AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]))
      const found = parseExposition(text, maxSamples)
      await append(pointsOf(url, found.samples, new Date(clock.now()).toISOString()))
      problems.set(problemOf(url), describeLeft(url, found))
    } catch (error) {
      signal.throwIfAborted()
      problems.set(problemOf(url), `${describeFailure(url)}${describeError(error)}`)
    }
  }

  return startTask(async (signal) => {
    for (;;) {
      await clock.sleep(withJitter(intervalMs, 0.1), signal)
      for (const url of urls) await scrape(url, signal)
    }
  })
}

function describeLeft(
  url: string,
  { invalid, nameless, examples, twice, left }: ParsedExposition,
): string | undefined {
  const parts = [
    ...(left > 0 ? [`${left} samples beyond the first ${maxSamples} are left out`] : []),
    ...(invalid > 0 ? [`${invalid} lines are no samples`] : []),
    ...(twice > 0 ? [`${twice} samples are there twice`] : []),
    ...(nameless > 0
      ? [`${nameless} samples have names that cannot be kept, such as ${examples.join(', ')}`]
      : []),
  ]
  return parts.length === 0
    ? undefined
    : `metrics of "${url}" (observe.scrape): ${parts.join('; ')}`
}

/** The body, at most {@link maxBytes}. Rejects for any answer but 200. */
async function fetchText(url: string, signal: AbortSignal): Promise<string> {
  // Nobody else decides whom this machine asks.
  const answer = await fetch(url, { signal, redirect: 'error' })
  if (answer.status !== 200) {
    await answer.body?.cancel()
    throw new Error(`it answered ${answer.status}`)
  }
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of answer.body ?? []) {
    bytes += chunk.length
    if (bytes > maxBytes) throw new Error(`the answer has more than ${maxBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function pointsOf(url: string, samples: readonly ParsedSample[], timestamp: string): MetricPoint[] {
  const group = groupOf(new URL(url))
  const count = Math.ceil(samples.length / samplesPerPoint)
  return Array.from({ length: count }, (_, index) => {
    const part = samples.slice(index * samplesPerPoint, (index + 1) * samplesPerPoint)
    return {
      timestamp,
      group,
      data: Object.fromEntries(part.map(({ series, value }) => [series, value])),
    }
  })
}

/** Of an address that is too long for a group, its beginning. One machine may serve several programs at one port. */
function groupOf({ host, pathname }: URL): string {
  const group = pathname === '/metrics' ? `scrape.${host}` : `scrape.${host}${pathname}`
  return group.slice(0, maxGroupChars)
}
