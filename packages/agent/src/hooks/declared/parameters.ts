import { type Static, type TObject, Type } from 'typebox'
import { type ReceivedParameters, readParameters } from '../../actions/define.ts'
import { checkPatternTime } from './pattern-time.ts'

/** The parameters of a hook, as a schema. */
export type HookParameters = TObject

/** One parameter, as a sidecar file declares it. */
export const ParameterDeclaration = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 64 }),
  type: Type.Optional(Type.Enum(['string', 'bool', 'int'])),
  required: Type.Optional(Type.Boolean()),
  description: Type.Optional(Type.String({ maxLength: 1_024 })),
  default: Type.Optional(Type.Unknown()),
  enum: Type.Optional(Type.Array(Type.Unknown(), { minItems: 1, maxItems: 64 })),
  pattern: Type.Optional(Type.String({ maxLength: 1_024 })),
})
type ParameterDeclaration = Static<typeof ParameterDeclaration>

/** The schema of declared parameters. Throws an error that names the parameter that cannot be as it is declared. */
export function parameterSchema(declared: readonly ParameterDeclaration[]): HookParameters {
  refuseCollisions(declared.map(({ name }) => name))
  const properties = declared.map((parameter) => [parameter.name, propertyOf(parameter)] as const)
  const schema = Type.Object(Object.fromEntries(properties))
  for (const parameter of declared) checkDefault(parameter)
  return schema
}

function propertyOf(parameter: ParameterDeclaration) {
  const { name, type = 'string', required, description, default: preset, pattern } = parameter
  // Validators take what every object has, such as "constructor", for a value.
  if (name in {}) throw new Error(`parameter "${name}" cannot have this name: choose another`)
  if (pattern !== undefined && type !== 'string')
    throw new Error(`parameter "${name}" has a pattern, which only a string can have`)
  if (pattern !== undefined) checkPattern(name, pattern)
  const options = {
    ...(description === undefined ? {} : { description }),
    ...(preset === undefined ? {} : { default: typed(type, preset) }),
    ...(parameter.enum === undefined
      ? {}
      : { enum: parameter.enum.map((one) => typed(type, one)) }),
    ...(pattern === undefined ? {} : { pattern }),
  }
  const schema = constructors[type](options)
  return required ? schema : Type.Optional(schema)
}

type Options = Record<string, unknown>

const constructors = {
  string: (options: Options) => Type.String(options),
  bool: (options: Options) => Type.Boolean(options),
  int: (options: Options) => Type.Integer(options),
}

/** Sidecar files write values as texts too: `default: "true"`. */
function typed(type: keyof typeof constructors, value: unknown): unknown {
  if (type === 'string' || typeof value !== 'string') return value
  if (type === 'bool') return value === 'true' ? true : value === 'false' ? false : value
  return /^-?\d{1,15}$/.test(value) ? Number(value) : value
}

function checkPattern(name: string, pattern: string): void {
  try {
    new RegExp(pattern, 'u')
  } catch {
    throw new Error(`parameter "${name}": pattern "${pattern}" is no regular expression`)
  }
}

/** A default, and each value of an enum, must be a value that the parameter may have. */
function checkDefault(parameter: ParameterDeclaration): void {
  const { name, default: preset, enum: allowed = [] } = parameter
  const schema = Type.Object({ [name]: propertyOf({ ...parameter, required: true }) })
  for (const value of preset === undefined ? allowed : [preset, ...allowed]) {
    try {
      readInTime(schema, { [name]: value })
    } catch (error) {
      throw new Error(`parameter "${name}" cannot have its own value`, { cause: error })
    }
  }
}

/** Two parameters in one variable would overwrite each other. */
function refuseCollisions(names: readonly string[]): void {
  const first = new Map<string, string>()
  for (const name of names) {
    const variable = variableOf(name)
    const other = first.get(variable)
    if (other !== undefined)
      throw new Error(`parameters "${other}" and "${name}" would both be ${variable}`)
    first.set(variable, name)
  }
}

/** The environment variable of a parameter, as the Go agent names it. */
export function variableOf(name: string): string {
  return `PLEXD_PARAM_${name.replace(/[^A-Za-z0-9_]/gu, '_').toUpperCase()}`
}

/** Of one value, and of all of them: the kernel takes 128 KiB and about 2 MiB (execve(2)). */
const maxValueBytes = 100 * 1024
const maxBytes = 1024 * 1024

/**
 * The variables for the parameters of a request; one without a value has none. Throws a RangeError that names the
 * invalid parameter.
 */
export function parameterVariables(
  schema: HookParameters,
  received: ReceivedParameters,
): Record<string, string> {
  const values = Object.entries(readInTime(schema, received)).map(
    ([name, value]) => [name, String(value)] as const,
  )
  for (const [name, value] of values) checkValue(name, value)
  const bytes = values.reduce((sum, [, value]) => sum + Buffer.byteLength(value), 0)
  if (bytes > maxBytes)
    throw new RangeError(`the parameters have ${bytes} bytes together: want ${maxBytes} or fewer`)
  return Object.fromEntries(values.map(([name, value]) => [variableOf(name), value]))
}

function readInTime(schema: HookParameters, received: ReceivedParameters): Record<string, unknown> {
  checkPatternTime(schema, received)
  return readParameters(schema, received)
}

function checkValue(name: string, value: string): void {
  if (value.includes('\0')) throw new RangeError(`${name} has a zero byte, which no variable can`)
  const bytes = Buffer.byteLength(value)
  if (bytes > maxValueBytes)
    throw new RangeError(`${name} has ${bytes} bytes: want ${maxValueBytes} or fewer`)
}
