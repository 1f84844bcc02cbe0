import { ApiError, type Metadata, reportedPrefix, whyNotSelectable } from '@plexd/protocol'
import type { Limits } from '../limits.ts'

type Entries = readonly (readonly [key: string, value: string])[]

/** The labels within the limits, in the given order, and those beyond, with the limit they exceed. */
export interface Bounded {
  kept: Metadata
  leftOut: { key: string; why: string }[]
}

/** The one place that limits metadata, whoever sets it. */
export function boundMetadata(entries: Entries, limits: Limits): Bounded {
  const kept: [string, string][] = []
  const leftOut: Bounded['leftOut'] = []
  let bytes = 0
  for (const [key, value] of entries) {
    const why = excessOf({ key, value, keys: kept.length, bytes }, limits)
    if (why === undefined) {
      kept.push([key, value])
      bytes += bytesOf(key) + bytesOf(value)
    } else leftOut.push({ key, why })
  }
  // A plain assignment would lose the key "__proto__".
  return { kept: Object.fromEntries(kept), leftOut }
}

function excessOf(
  { key, value, keys, bytes }: { key: string; value: string; keys: number; bytes: number },
  limits: Limits,
): string | undefined {
  const size = { key: bytesOf(key), value: bytesOf(value) }
  if (key === '') return 'a key has one character at least'
  if (size.key > limits.metadata_key_bytes)
    return `its key has ${size.key} bytes, the limit metadata_key_bytes is ${limits.metadata_key_bytes}`
  if (size.value > limits.metadata_value_bytes)
    return `its value has ${size.value} bytes, the limit metadata_value_bytes is ${limits.metadata_value_bytes}`
  if (keys >= limits.metadata_keys)
    return `there are ${keys} others, the limit metadata_keys is ${limits.metadata_keys}`
  if (bytes + size.key + size.value > limits.metadata_bytes)
    return `the others have ${bytes} bytes, the limit metadata_bytes is ${limits.metadata_bytes}`
  return undefined
}

/** Throws an ApiError (400) for new labels that exceed the limits together with the old ones, or that only nodes may report. */
export function checkLabels(added: Metadata, kept: Metadata, limits: Limits): void {
  const old = Object.entries(kept).filter(([key]) => !Object.hasOwn(added, key))
  const entries = Object.entries(added)
  const said = entries.find(([key]) => key.startsWith(reportedPrefix))
  if (said)
    throw new ApiError(
      'bad_request',
      `set label "${brief(said[0])}": what begins with "${reportedPrefix}" is what a node says of itself`,
    )
  const { leftOut } = boundMetadata([...old, ...entries], limits)
  const refused = leftOut.find(({ key }) => Object.hasOwn(added, key))
  if (refused)
    throw new ApiError('bad_request', `set label "${brief(refused.key)}": ${refused.why}`)
}

/** Warnings for labels that are valid but cannot be selected by. */
export function warningsOf(labels: Metadata): string[] {
  return Object.entries(labels).flatMap(([key, value]) => {
    const why = whyNotSelectable(key, value)
    if (why === undefined) return []
    return [
      `label "${brief(key)}" with value "${brief(value)}" is delivered to the node, but no selector can ask for it: ${why}`,
    ]
  })
}

/** A new node's metadata: the labels of its token, those that the token lets it choose, and what else it reports. */
export function describeNode(
  claims: Metadata,
  token: { labels: Metadata; nodeMaySet: readonly string[] },
  limits: Limits,
): { labels: Metadata; reported: Metadata; leftOut: Bounded['leftOut'] } {
  const own = Object.entries(token.labels)
  const isChosen = ([key]: readonly [string, string]): boolean =>
    token.nodeMaySet.includes(key) && !Object.hasOwn(token.labels, key)
  const said = Object.entries(claims)
  const chosen = said.filter(isChosen)
  const labels = boundMetadata([...own, ...chosen], limits)
  const reported = boundMetadata(
    said.filter((entry) => !isChosen(entry)),
    limits,
  )
  return {
    labels: labels.kept,
    reported: reported.kept,
    leftOut: [...labels.leftOut, ...reported.leftOut],
  }
}

const bytesOf = Buffer.byteLength

function brief(text: string): string {
  return text.length > 100 ? `${text.slice(0, 100)}…` : text
}
