import { PolicySpec, parseSide, type SchemaError, schemaFault } from '@plexd/protocol'
import { CliError, exitCodes } from '@plexd/runtime'
import { Compile } from 'typebox/compile'
import { type Document, isNode, LineCounter, parseDocument } from 'yaml'

interface Problem {
  line: number
  text: string
}

type Path = readonly (string | number)[]

const maxShown = 5

/** The policy in a YAML or JSON text; throws a CliError that names `source` and the lines of what is wrong. */
export function parsePolicy(text: string, source: string): PolicySpec {
  const counter = new LineCounter()
  const document = parseDocument(text, { lineCounter: counter, prettyErrors: false })
  const lineAt = (offset: number): number => counter.linePos(offset).line
  if (document.errors.length > 0) {
    throw failure(
      source,
      document.errors.map(({ pos, message }) => ({ line: lineAt(pos[0]), text: message })),
    )
  }
  const lineOf = (path: Path): number => lineAt(offsetOf(document, path))
  const value = contentOf(document, source)
  const validator = Compile(PolicySpec)
  if (!validator.Check(value)) {
    throw failure(
      source,
      validator.Errors(value).flatMap((error) => describeSchemaError(error, value, lineOf)),
    )
  }
  const wrongSides = findWrongSides(value, lineOf)
  if (wrongSides.length > 0) throw failure(source, wrongSides)
  return value
}

function failure(source: string, problems: readonly Problem[]): CliError {
  const sorted = problems.toSorted((a, b) => a.line - b.line)
  const shown = sorted.slice(0, maxShown).map(({ line, text }) => `line ${line}: ${text}`)
  const more = sorted.length > maxShown ? [`and ${sorted.length - maxShown} more`] : []
  return new CliError(`read policy ${source}: ${[...shown, ...more].join('; ')}`, exitCodes.usage)
}

function contentOf(document: Document, source: string): unknown {
  try {
    return document.toJS()
  } catch (cause) {
    throw new CliError(`read policy ${source}`, exitCodes.usage, { cause }) // too many aliases
  }
}

/** Where a value starts; for one that is not there, where its parent does. */
function offsetOf(document: Document, path: Path): number {
  for (let length = path.length; length >= 0; length--) {
    const node = length === 0 ? document.contents : document.getIn(path.slice(0, length), true)
    if (isNode(node) && node.range) return node.range[0]
  }
  return 0
}

function describeSchemaError(
  error: SchemaError,
  value: unknown,
  lineOf: (path: Path) => number,
): Problem[] {
  const { keyword, instancePath, params } = error
  // Each field that is too many is reported a second time on its own.
  if (keyword === 'additionalProperties') return []
  const path = pathOf(instancePath, value)
  const name = path.length === 0 ? 'the policy' : `"${formatPath(path)}"`
  const texts: Record<string, string | undefined> = {
    boolean: 'is no field of a policy',
    enum: 'allowedValues' in params ? `must be one of ${String(params.allowedValues)}` : undefined,
    type: typeNames[String('type' in params ? params.type : '')],
    required:
      'requiredProperties' in params ? `must have ${String(params.requiredProperties)}` : undefined,
    pattern:
      'must be up to 63 lower-case letters, digits, ".", "_" or "-", with a letter or digit at both ends',
  }
  const own = texts[keyword]
  const text =
    own === undefined ? schemaFault([error], { whole: 'the policy', value }) : `${name} ${own}`
  return [{ line: lineOf(path), text }]
}

/** YAML's words for what JSON Schema calls otherwise. */
const typeNames: Record<string, string> = {
  object: 'must be a mapping of names to values',
  array: 'must be a list',
}

/** A JSON pointer as a path; digits are an index only where there is a list. */
function pathOf(pointer: string, root: unknown): Path {
  let value = root
  return pointer
    .split('/')
    .slice(1)
    .map((part) => {
      const key = part.replaceAll('~1', '/').replaceAll('~0', '~')
      const step = Array.isArray(value) ? Number(key) : key
      value = (value as Record<string | number, unknown>)[step] // the pointer was made from this value
      return step
    })
}

function formatPath(path: Path): string {
  return path
    .map((step, at) => (typeof step === 'number' ? `[${step}]` : at === 0 ? step : `.${step}`))
    .join('')
}

/** The control plane reads both sides with the same function; here it can name the line. */
function findWrongSides({ rules }: PolicySpec, lineOf: (path: Path) => number): Problem[] {
  return rules.flatMap((rule, index) =>
    (['from', 'to'] as const).flatMap((side) => {
      const path = ['rules', index, side]
      const why = sideProblem(rule[side])
      return why ? [{ line: lineOf(path), text: `"${formatPath(path)}": ${why}` }] : []
    }),
  )
}

function sideProblem(side: string): string | undefined {
  try {
    parseSide(side)
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
