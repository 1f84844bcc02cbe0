import type { SecretRef } from '@plexd/protocol'
import { type DataEntry, dataEntryJson } from '../../state/data-entry.ts'
import type { DesiredStore } from '../../state/desired-state.ts'
import type { ReportStore } from '../../state/reports/report-store.ts'
import { type Answer, errorAnswer, goJson, stateAnswer } from '../requests/answer.ts'
import { invalidKeyAnswer, isReportKey } from '../requests/report-body.ts'
import type { RouteName } from '../requests/routes.ts'

export const notFoundAnswer = errorAnswer(404, 'not found')

/** The read operations, by route: each answer is serialised once, and cached until its data changes. */
export function createStateReader(desired: DesiredStore, reports: ReportStore) {
  const metadata = derive(() => desired.current().metadata, readMetadata)
  const data = derive(() => desired.current().data, readData)
  const secrets = derive(() => desired.current().secret_refs, readSecrets)
  const reportList = derive(
    () => reports.index(),
    () => toList(reports.keys(), (key) => versionOf(key, reports.get(key)?.version)),
  )
  const summary = derive(
    () => `${desired.index()} ${reports.index()}`,
    () => stateAnswer(summaryJson(metadata(), data(), secrets(), reportList())),
  )
  const answers = new WeakMap<object, Answer>()

  function entryAnswer<E extends object>(
    entry: E | undefined,
    toJson: (entry: E) => string,
  ): Answer {
    if (!entry) return notFoundAnswer
    const known = answers.get(entry)
    if (known) return known
    const answer = stateAnswer(toJson(entry))
    answers.set(entry, answer)
    return answer
  }

  return {
    getLocalState: summary,
    listMetadata: () => metadata().answer(),
    getMetadata: (key) => entryAnswer(metadata().entries.get(key), goJson),
    listData: () => data().answer(),
    getData: (key) => entryAnswer(data().entries.get(key), dataEntryJson),
    listSecrets: () => secrets().answer(),
    listReports: () => reportList().answer(),
    getReport: (key) =>
      isReportKey(key) ? entryAnswer(reports.get(key), dataEntryJson) : invalidKeyAnswer,
  } satisfies { [Name in RouteName]?: (key: string) => Answer }
}

/** A collection as JSON text, and as an answer on first use. */
interface Listing {
  json: string
  answer(): Answer
}

function toListing(json: string): Listing {
  let answer: Answer | undefined
  return { json, answer: () => (answer ??= stateAnswer(json)) }
}

function toList<T>(items: readonly T[], toJson: (item: T) => string): Listing {
  return toListing(`[${items.map(toJson).join(',')}]`)
}

function readMetadata(metadata: Readonly<Record<string, string>>) {
  const pairs = Object.entries(metadata).sort(([a], [b]) => compare(a, b))
  // Concatenated, because an object would put integer-like keys first.
  const json = `{${pairs.map(([key, value]) => `${goJson(key)}:${goJson(value)}`).join(',')}}`
  return {
    ...toListing(json),
    entries: new Map(pairs.map(([key, value]) => [key, { key, value }])),
  }
}

function readData(data: readonly DataEntry[]) {
  const entries = new Map(data.map((entry) => [entry.key, entry]))
  const toJson = ({ key, version, content_type }: DataEntry) =>
    goJson({ key, version, content_type })
  return { ...toList([...entries.values()].sort(byKey), toJson), entries }
}

function readSecrets(refs: readonly SecretRef[]): Listing {
  return toList(refs.toSorted(byKey), ({ key, version }) => versionOf(key, version))
}

function summaryJson(metadata: Listing, data: Listing, secrets: Listing, reports: Listing): string {
  return `{"metadata":${metadata.json},"data_keys":${data.json},"secret_keys":${secrets.json},"report_keys":${reports.json}}`
}

function versionOf(key: string, version: number | undefined): string {
  return goJson({ key, version })
}

function byKey(a: { key: string }, b: { key: string }): number {
  return compare(a.key, b.key)
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** What `build` makes of the source, anew when the source is another one. */
function derive<S, T>(source: () => S, build: (source: S) => T): () => T {
  let built: { from: S; value: T } | undefined
  return () => {
    const from = source()
    if (built === undefined || built.from !== from) built = { from, value: build(from) }
    return built.value
  }
}
