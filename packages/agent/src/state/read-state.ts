import {
  type Metadata,
  passedBound,
  ReceivedNodeState,
  rawParts,
  type SchemaError,
  SecretRef,
  schemaFault,
  validatorOf,
  withKnownWords,
} from '@plexd/protocol'
import { Type } from 'typebox'
import type { Limits } from '../config/limits.ts'
import { createYielder } from '../process/yielder.ts'
import { type DataEntry, type EntryLimits, readDataEntry } from './data-entry.ts'
import { type LeftOut, leftOut } from './left-out.ts'

/** What was received of a state. One entry that does not fit costs no other: it is in `left_out`. */
export interface ReceivedState
  extends Omit<ReceivedNodeState, 'data' | 'secret_refs' | 'peers' | 'policies'> {
  peers: NonNullable<ReceivedNodeState['peers']>
  policies: NonNullable<ReceivedNodeState['policies']>
  data: DataEntry[]
  secret_refs: SecretRef[]
  left_out: LeftOut[]
}

/** How much of one is read. */
type PartLimits = Pick<Limits, 'state_part_bytes'>
export type StateLimits = EntryLimits &
  PartLimits &
  Pick<Limits, 'state_characters' | 'state_parts'>

/** What an event says of the state; undefined for what it does not name. */
export interface ReceivedChange {
  metadata?: Metadata | null
  data?: DataEntry[]
  secret_refs?: SecretRef[]
  left_out?: LeftOut[]
}

/**
 * Reads a state from its text, part by part: however large it is, others have their turn in between. Rejects when the
 * text as a whole is not one, names nothing of one, or a peer or a policy does not fit: without them the node would be another one.
 */
export async function readState(text: string, limits: StateLimits): Promise<ReceivedState> {
  const parts = await readParts(text, limits)
  const { data = [], secret_refs = [], left_out, rest } = parts
  if (!stateNames.some((name) => name in parts || name in Object(rest)))
    throw new TypeError(
      `read state: it names none of ${stateNames.join(', ')}: that is the answer of another service`,
    )
  const state = checked(rest, receivedRest(), 'state')
  return {
    ...state,
    peers: state.peers ?? [],
    policies: state.policies ?? [],
    data,
    secret_refs,
    left_out,
  }
}

/** The same for the payload of an event about metadata, data or secrets. */
export async function readChange(text: string, limits: StateLimits): Promise<ReceivedChange> {
  const { rest, ...change } = await readParts(text, limits)
  const { metadata } = checked(rest, receivedChange(), 'event payload')
  return { ...change, ...(metadata === undefined ? {} : { metadata }) }
}

/** Each may be missing, and what is missing is empty; where all are, taking it for a state would take everything from the node. */
const stateNames = ['peers', 'policies', 'metadata', 'data', 'secret_refs', 'signing_keys'] as const

const receivedRest = validatorOf(Type.Omit(ReceivedNodeState, ['data', 'secret_refs']))
const receivedChange = validatorOf(Type.Pick(ReceivedNodeState, ['metadata']))
const secretRef = validatorOf(SecretRef)

/** Those behind are left out as well, and not named. */
const maxLeftOut = 100

interface Parts extends Pick<ReceivedChange, 'data' | 'secret_refs'> {
  left_out: LeftOut[]
  rest: unknown
}

async function readParts(text: string, limits: StateLimits): Promise<Parts> {
  const { state_characters: maxChars, state_parts: maxParts } = limits
  if (text.length > maxChars)
    throw new RangeError(
      `read state: it is longer than ${maxChars} characters (limit state_characters)`,
    )
  const yielder = createYielder()
  const parts: Parts = { left_out: [], rest: undefined }
  const rest = new Map<string, unknown>()
  let count = 0
  for (const part of rawParts(text)) {
    await yielder()
    if (!part) continue
    const { name, inList } = part
    if (++count > maxParts)
      throw new RangeError(`read state: it has more than ${maxParts} parts (limit state_parts)`)
    if (name === 'data' || name === 'secret_refs') takeEntry(parts, { ...part, name }, limits)
    else if (inList) listOf(rest, name).push(parseItem(part, limits))
    else rest.set(name, parsePart(part, limits))
  }
  return { ...parts, rest: Object.fromEntries(rest) }
}

function listOf(rest: Map<string, unknown>, name: string): unknown[] {
  const list = rest.get(name)
  if (Array.isArray(list)) return list
  const started: unknown[] = []
  rest.set(name, started)
  return started
}

function takeEntry(
  parts: Parts,
  { name, text, inList }: { name: LeftOut['list']; text: string; inList: boolean },
  limits: EntryLimits & PartLimits,
): void {
  parts[name] ??= []
  const list: unknown[] = parts[name]
  if (!inList) {
    if (text === 'null' || /^\[\s*\]$/.test(text)) return
    throw new TypeError(`read state: ${name}: want a list`)
  }
  try {
    list.push(name === 'data' ? readDataEntry(text, limits) : readSecretRef(text, limits))
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    if (parts.left_out.length < maxLeftOut)
      parts.left_out.push(leftOut(name, keyOf(text), error.message))
  }
}

function readSecretRef(text: string, limits: PartLimits): SecretRef {
  const value = parsePart({ name: 'secret_refs', text }, limits)
  const validator = secretRef()
  if (validator.Check(value)) return value
  throw new TypeError(schemaFault(validator.Errors(value), { whole: 'it', value }))
}

function parseItem(part: { name: string; text: string }, limits: PartLimits): unknown {
  const item = parsePart(part, limits)
  return part.name === 'peers' ? withKnownWords(item) : item
}

/** Of what is no data entry. */
function parsePart(
  { name, text }: { name: string; text: string },
  { state_part_bytes: maxBytes }: PartLimits,
): unknown {
  const passed = passedBound(text, { maxBytes, maxDepth: 64, maxValues: 200_000 })
  const limit = passed === 'bytes' ? ' (limit state_part_bytes)' : ''
  if (passed)
    throw new TypeError(`read state: something in "${name}" has too many ${passed}${limit}`)
  return JSON.parse(text)
}

/** For a person, of an entry that does not fit in whatever way: not at any price. */
function keyOf(text: string): string {
  let pauses = 0
  try {
    for (const part of rawParts(text)) {
      if (part?.name === 'key') return String(JSON.parse(part.text.slice(0, 4_096)))
      if (!part && ++pauses > 8) break
    }
  } catch {
    // It is no object, or its key is too long to be shown whole.
  }
  return '?'
}

function checked<T>(
  value: unknown,
  validator: {
    Check(value: unknown): value is T
    Errors(value: unknown): SchemaError[]
  },
  what: string,
): T {
  if (validator.Check(value)) return value
  throw new TypeError(`read ${what}: ${schemaFault(validator.Errors(value), { whole: 'it' })}`)
}
