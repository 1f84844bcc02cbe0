import { type ActionParameter, schemaFault, type TriggeredBy, wantKeyword } from '@plexd/protocol'
import type { Static, TObject, TSchema } from 'typebox'
import { Check, Errors } from 'typebox/value'

/** What is passed to an action. */
export interface ActionContext {
  /** Aborted at the deadline, when it is cancelled, and when plexd stops. The action then ends all that it has started. */
  signal: AbortSignal
  executionId: string
  /** Its name. */
  action: string
  triggeredBy: TriggeredBy
  /** Of stdout and stderr each; what is more is cut off. */
  outputBytes: number
}

export interface ActionOutput {
  exit_code: number
  stdout: string
  stderr: string
}

/** An action that is ready to run. */
export type PreparedAction = (context: ActionContext) => Promise<ActionOutput>

export interface Action {
  readonly type: 'builtin' | 'hook'
  readonly name: string
  readonly description: string
  readonly parameters: readonly ActionParameter[]
  readonly timeoutMs: number
  /** Of a hook's file: `sha256:` and hex. */
  readonly checksum?: string
  /** Of a hook: how it is contained. */
  readonly sandbox?: string
  /**
   * The action, ready to run. Throws a RangeError that names the invalid parameter, or an ActionRefusal. Texts are
   * converted to the declared type, because control planes only send texts. `expected` is the checksum in the request.
   */
  prepare(received: ReceivedParameters, expected?: string): PreparedAction | Promise<PreparedAction>
}

export type ReceivedParameters = Readonly<Record<string, unknown>>

/** An action must not run, for a reason of the wire contract such as `integrity violation`. */
export class ActionRefusal extends Error {
  override name = 'ActionRefusal'
}

/** Parameters are declared once, as a schema, from which capabilities, help and validation derive. */
export function defineAction<Parameters extends TObject>(definition: {
  name: string
  description: string
  parameters: Parameters
  timeoutMs: number
  run(parameters: Static<Parameters>, context: ActionContext): Promise<ActionOutput>
}): Action {
  const { name, description, parameters, timeoutMs, run } = definition
  return {
    type: 'builtin',
    name,
    description,
    timeoutMs,
    parameters: describeParameters(parameters),
    prepare(received) {
      const values = readParameters(parameters, received)
      return (context) => run(values, context)
    },
  }
}

/** As the wire describes them. */
export function describeParameters(schema: TObject): ActionParameter[] {
  const required = new Set<string>(schema.required)
  return Object.entries(schema.properties).map(([name, property]) => {
    const { description, default: preset, enum: allowed, pattern } = annotations(property)
    return {
      name,
      type: wireType(property),
      required: required.has(name),
      ...(typeof description === 'string' ? { description } : {}),
      ...(preset === undefined ? {} : { default: preset }),
      ...(Array.isArray(allowed) ? { enum: allowed } : {}),
      ...(typeof pattern === 'string' ? { pattern } : {}),
    }
  })
}

/** The values in their declared types, defaults filled in. Throws a RangeError that names the invalid parameter. */
export function readParameters<Parameters extends TObject>(
  schema: Parameters,
  received: ReceivedParameters,
): Static<Parameters> {
  const values = retype(schema, received)
  if (Check(schema, values)) return values
  const errors = Errors(schema, values).map((error) => ({
    ...error,
    parentSchema: wantOf(schema.properties[error.instancePath.slice(1)]),
  }))
  throw new RangeError(schemaFault(errors, { whole: 'the action', value: values }))
}

/** A declaration with words for its pattern. */
function wantOf(property: TSchema | undefined): Record<string, unknown> {
  const declared = property ? annotations(property) : {}
  if (typeof declared.pattern !== 'string') return declared
  return { [wantKeyword]: `a text that matches ${declared.pattern}`, ...declared }
}

/** Converts values to their declared types and fills in defaults; unknown names are refused. */
function retype(schema: TObject, received: ReceivedParameters): Record<string, unknown> {
  const unknown = Object.keys(received).find((name) => !Object.hasOwn(schema.properties, name))
  if (unknown !== undefined)
    throw new RangeError(`"${unknown}" is not a parameter: ${known(schema)}`)
  const pairs = Object.entries(schema.properties).flatMap(([name, property]) => {
    const value = received[name] ?? annotations(property).default
    return value === undefined ? [] : [[name, readAs(wireType(property), value)]]
  })
  return Object.fromEntries(pairs)
}

/** For who has mistyped one. */
function known({ properties }: TObject): string {
  const names = Object.keys(properties)
  return names.length === 0 ? 'there are none' : `want ${names.join(', ')}`
}

function readAs(type: string, value: unknown): unknown {
  if (typeof value !== 'string') return value
  if (type === 'bool' && (value === 'true' || value === 'false')) return value === 'true'
  if (type === 'int' && /^-?\d{1,15}$/.test(value)) return Number(value)
  return value
}

/** The wire names of parameter types. */
function wireType(schema: TSchema): string {
  const { type } = annotations(schema)
  if (type === 'boolean') return 'bool'
  return type === 'integer' ? 'int' : 'string'
}

function annotations(schema: TSchema): Record<string, unknown> {
  return { ...schema }
}
