import { parseDuration, schemaFault } from '@plexd/protocol'
import { type Static, Type } from 'typebox'
import { Check, Errors } from 'typebox/value'
import { cpuPercentOf, memoryBytesOf } from './amounts.ts'
import { type HookParameters, ParameterDeclaration, parameterSchema } from './parameters.ts'
import { unknownFields } from './unknown-fields.ts'

export type SandboxKind = 'none' | 'namespaced' | 'container'

/** What an operator says of a hook, in a sidecar file or in the config file. */
export interface HookDeclaration {
  description: string
  parameters: HookParameters
  timeoutMs: number
  /** Name or uid; undefined for the user of plexd. */
  user: string | undefined
  limits: { memoryBytes?: number; pids?: number; cpuPercent?: number }
  sandbox: SandboxKind
  /** Whether a sandboxed hook may use the network. */
  network: boolean
  /** The paths that a sandboxed hook may write. */
  writable: readonly string[]
  /** Of a container, which has no other file system. */
  image: string | undefined
}

export interface ReadDeclaration {
  declaration: HookDeclaration
  /** Which fields have no effect. */
  warnings: string[]
}

/** That of the README of plexd, for hooks that say nothing. */
const defaultTimeoutMs = 30_000

const Amount = Type.Union([Type.String(), Type.Number()])
const Writable = Type.Array(Type.String(), { maxItems: 64 })

const Resources = Type.Object({
  memory: Type.Optional(Amount),
  cpu: Type.Optional(Amount),
  pids: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000 })),
})

/** `resources` and `sandbox_options` are the README's words for what `limits`, `network` and `writable` say. */
const Form = Type.Object({
  description: Type.Optional(Type.String({ maxLength: 1_024 })),
  parameters: Type.Optional(Type.Array(ParameterDeclaration, { maxItems: 64 })),
  timeout: Type.Optional(Type.String()),
  user: Type.Optional(Type.Union([Type.String(), Type.Integer()])),
  limits: Type.Optional(Resources),
  resources: Type.Optional(Resources),
  sandbox: Type.Optional(Type.Enum(['', 'none', 'namespaced', 'container'])),
  network: Type.Optional(Type.Boolean()),
  writable: Type.Optional(Writable),
  image: Type.Optional(Type.String()),
  sandbox_options: Type.Optional(
    Type.Object({
      cpu: Type.Optional(Amount),
      memory: Type.Optional(Amount),
      network: Type.Optional(Type.Enum(['none', 'host'])),
      writable_paths: Type.Optional(Writable),
      image: Type.Optional(Type.String()),
    }),
  ),
})

/** The declaration of a hook about which nobody says anything. */
export const plainDeclaration: HookDeclaration = {
  description: '',
  parameters: parameterSchema([]),
  timeoutMs: defaultTimeoutMs,
  user: undefined,
  limits: {},
  sandbox: 'none',
  network: false,
  writable: [],
  image: undefined,
}

/** Reads a declaration as it was parsed from YAML or JSON. Throws an error that names the field. `null` counts as absent. */
export function readDeclaration(given: Readonly<Record<string, unknown>>): ReadDeclaration {
  const value = withoutNull(given)
  if (!Check(Form, value))
    throw new Error(schemaFault(Errors(Form, value), { whole: 'the declaration', value }))
  const options = value.sandbox_options ?? {}
  const declaration: HookDeclaration = {
    description: value.description ?? '',
    parameters: parameterSchema(value.parameters ?? []),
    timeoutMs: value.timeout ? timeoutOf(value.timeout) : defaultTimeoutMs,
    user: value.user === undefined ? undefined : userOf(value.user),
    limits: limitsOf({ ...options, ...value.resources, ...value.limits }),
    sandbox: value.sandbox || 'none',
    network: value.network ?? options.network === 'host',
    writable: (value.writable ?? options.writable_paths ?? []).map(writablePath),
    image: imageOf(value.image || options.image),
  }
  if (declaration.sandbox === 'container' && declaration.image === undefined)
    throw new Error('sandbox "container" wants an image: set image, or choose "namespaced"')
  const warnings = [
    ...unknownFields(value, Form).map(
      (field) => `its declaration has a field "${field}" that nobody reads`,
    ),
    ...idleFields(value, declaration.sandbox),
  ]
  return { declaration, warnings }
}

/** Of sandboxes, where there is none, or another. */
function idleFields(value: Static<typeof Form>, sandbox: SandboxKind): string[] {
  const { network, writable, image, sandbox_options: options = {} } = value
  const given = {
    network: network ?? options.network,
    writable: (writable ?? options.writable_paths)?.at(0),
    image: image || options.image || undefined,
  }
  const isIdle = (field: string): boolean =>
    sandbox === 'none' || (sandbox === 'namespaced' && field === 'image')
  return Object.entries(given)
    .filter(([field, setting]) => setting !== undefined && isIdle(field))
    .map(
      ([field]) =>
        `its declaration has "${field}", which has no effect in the sandbox "${sandbox}"`,
    )
}

function timeoutOf(text: string): number {
  const ms = parseDuration(text)
  if (ms > 0) return ms
  throw new RangeError(`timeout "${text}": want more than 0s`)
}

/** As useradd(8) takes names, or a uid. */
function userOf(value: string | number): string {
  const text = String(value)
  if (/^([a-z_][a-z0-9_.-]{0,31}\$?|\d{1,9})$/i.test(text)) return text
  throw new RangeError(`user "${text}": want the name of a user, or a uid`)
}

function writablePath(path: string): string {
  if (/^\/[^\0]*$/.test(path)) return path
  throw new RangeError(`writable "${path}": want a path that begins with "/"`)
}

/** A dash in front would make it an option of podman. */
function imageOf(image: string | undefined): string | undefined {
  if (!image || /^[A-Za-z0-9][A-Za-z0-9._/:@-]{0,511}$/.test(image)) return image || undefined
  throw new RangeError(`image "${image}": want its name, such as docker.io/library/alpine:3.22`)
}

function limitsOf({
  memory,
  cpu,
  pids,
}: {
  memory?: string | number
  cpu?: string | number
  pids?: number
}): HookDeclaration['limits'] {
  return {
    ...(memory === undefined ? {} : { memoryBytes: memoryBytesOf(memory) }),
    ...(cpu === undefined ? {} : { cpuPercent: cpuPercentOf(cpu) }),
    ...(pids === undefined ? {} : { pids }),
  }
}

/** The Go agent writes `null` for an empty list. */
function withoutNull(value: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== null))
}
