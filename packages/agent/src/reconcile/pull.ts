import type { Client, ControlApi, SigningKeys } from '@plexd/protocol'
import type { Clock, Log } from '@plexd/runtime'
import { usableKeys } from '../control/stream/event-verifier.ts'
import type { StateChanges } from '../events/state-changes.ts'
import type { Problems } from '../health/problems.ts'
import { type DesiredState, type DesiredStore, desiredFromPull } from '../state/desired-state.ts'
import { type ReceivedState, readState, type StateLimits } from '../state/read-state.ts'
import { isBefore } from '../state/revision.ts'
import { type Correction, planContent } from './plan.ts'

export interface PullDeps {
  client: Pick<Client<ControlApi>, 'getState'>
  nodeId: string
  desired: DesiredStore
  changes: Pick<StateChanges, 'watch'>
  /** The keys that currently verify events. */
  signingKeys(): SigningKeys
  /** Whether the answer certainly comes from the control plane: TLS with a verified certificate. */
  authentic: boolean
  /** The state contains a valid key that did not verify events before. */
  onNewKey(): void
  /** What the control plane says of itself, with the keys that were usable before. Resolves when it is in force. */
  onAnnouncement(announcement: unknown, keys: readonly string[]): Promise<void>
  problems: Problems
  limits: StateLimits
  clock: Clock
  log: Log
}

/** How often to retry if the answer is older than our state. */
const maxAttempts = 3

/**
 * Pulls the desired state and stores it; the corrections are the differences from the previous one. Conditional on
 * the revision unless `whole`. Rejects without changing anything if there is no answer, an invalid one, or only
 * older ones: events may overtake an answer, and a replica may lag behind.
 */
export async function pullState(
  deps: PullDeps,
  { whole, signal }: { whole: boolean; signal: AbortSignal },
): Promise<Correction[]> {
  for (let attempt = 1; ; attempt++) {
    using watch = deps.changes.watch()
    const fetched = await fetchState(deps, whole, signal)
    if (fetched === undefined) return []
    const { next, announcement } = fetched
    const { revision } = deps.desired.current()
    if (!watch.isOvertaken(next.revision) && !isBefore(next.revision, revision)) {
      const usable = usableKeys(deps.signingKeys(), deps.clock.now())
      const corrections = await store(next, deps)
      await deps.onAnnouncement(announcement, usable)
      return corrections
    }
    if (attempt === maxAttempts) {
      throw new Error(
        `read state: revision "${next.revision}" is older than "${revision}", which is here`,
      )
    }
  }
}

/** Undefined if nothing has changed. */
async function fetchState(
  { client, nodeId, desired, limits }: PullDeps,
  whole: boolean,
  signal: AbortSignal,
): Promise<{ next: DesiredState; announcement: unknown } | undefined> {
  const { revision } = desired.current()
  const answer = await client.getState({
    params: { node_id: nodeId },
    headers: whole || revision === '' ? {} : { 'if-none-match': `"${revision}"` },
    signal,
  })
  if (answer.status === 304) return undefined
  const text = answer.text ?? JSON.stringify(answer.body) ?? ''
  const state = await receive(text, { nodeId, limits })
  const next = desiredFromPull(state, tagOf(answer.headers.etag))
  return { next, announcement: state.announcement }
}

/** The opaque text of an entity tag, weak or strong; empty for none. */
function tagOf(etag = ''): string {
  return /^(?:W\/)?"(.*)"$/.exec(etag)?.[1] ?? ''
}

async function receive(
  text: string,
  { nodeId, limits }: Pick<PullDeps, 'nodeId' | 'limits'>,
): Promise<ReceivedState> {
  const state = await readState(text, limits).catch((cause: unknown) => {
    if (!(cause instanceof SyntaxError)) throw cause
    throw new TypeError('read state: the answer is no JSON object', { cause })
  })
  if (state.node_id !== undefined && state.node_id !== nodeId) {
    throw new TypeError(`read state: it is that of node "${state.node_id}"`)
  }
  return state
}

async function store(pulled: DesiredState, deps: PullDeps): Promise<Correction[]> {
  const { desired } = deps
  const before = desired.current()
  const next = { ...pulled, signing_keys: acceptKeys(pulled.signing_keys, deps) }
  const corrections = planContent(next, {
    ...before,
    policies: null,
    signing_keys: deps.signingKeys(),
  })
  const usable = usableKeys(deps.signingKeys(), deps.clock.now())
  await desired.replace(next, { whole: true })
  if (!usable.includes(next.signing_keys.current)) deps.onNewKey()
  return corrections
}

/** A pull is not signed, so an unknown key is only accepted over verified TLS. */
function acceptKeys(
  pulled: SigningKeys | null,
  { signingKeys, authentic, problems, log }: PullDeps,
): SigningKeys {
  const known = signingKeys()
  if (!pulled) return known
  const trusted = [known.current, known.previous]
  const isKnown = [pulled.current, pulled.previous ?? pulled.current].every((key) =>
    trusted.includes(key),
  )
  if (isKnown || authentic) {
    if (!trusted.includes(pulled.current)) log.warn('signing key replaced by the pulled state')
    problems.clear('signing_keys')
    return pulled
  }
  log.error('pulled signing key refused: it came over plain HTTP')
  problems.set(
    'signing_keys',
    'the control plane has a new signing key, which plain HTTP cannot vouch for: use https, or enrol anew',
  )
  return known
}
