import { type ActionParameter, schemaFault } from '@plexd/protocol'
import type { Static, TObject, TSchema } from 'typebox'
import { Check, Errors } from 'typebox/value'

/** What is passed to an action. */
export interface ActionContext {
  /** Aborted at the deadline, and when plexd stops. */
  signal: AbortSignal
}

export interface ActionOutput {
  exit_code: number
  stdout: string
  stderr: string
}

export interface Action {
  readonly name: string
  readonly description: string
  readonly parameters: readonly ActionParameter[]
  readonly timeoutMs: number
  /**
   * The action, ready to run. Throws a RangeError that names the invalid parameter. Texts are converted to the
   * declared type, because control planes only send texts.
   */
  prepare(
    received: Readonly<Record<string, unknown>>,
  ): (context: ActionContext) => Promise<ActionOutput>
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
    name,
    description,
    timeoutMs,
    parameters: describeParameters(parameters),
    prepare(received) {
      const values = retype(parameters, received)
      if (!Check(parameters, values)) {
        const errors = Errors(parameters, values)
        throw new RangeError(schemaFault(errors, { whole: 'the action', value: values }))
      }
      return (context) => run(values, context)
    },
  }
}

function describeParameters(schema: TObject): ActionParameter[] {
  const required = new Set<string>(schema.required)
  return Object.entries(schema.properties).map(([name, property]) => {
    const { description, default: preset } = annotations(property)
    return {
      name,
      type: wireType(property),
      required: required.has(name),
      ...(typeof description === 'string' ? { description } : {}),
      ...(preset === undefined ? {} : { default: preset }),
    }
  })
}

/** Converts values to their declared types and fills in defaults; unknown names are refused. */
function retype(
  schema: TObject,
  received: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const unknown = Object.keys(received).find((name) => !Object.hasOwn(schema.properties, name))
  if (unknown !== undefined) throw new RangeError(`"${unknown}" is not a parameter`)
  const pairs = Object.entries(schema.properties).flatMap(([name, property]) => {
    const value = received[name] ?? annotations(property).default
    return value === undefined ? [] : [[name, readAs(wireType(property), value)]]
  })
  return Object.fromEntries(pairs)
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
