import { PolicySpec, parseSide, type SchemaError, schemaFault } from '@plexd/protocol'
import { Compile } from 'typebox/compile'
import {
  readYamlFile,
  type YamlPath,
  type YamlProblem,
  yamlFailure,
  yamlPathOf,
} from '../../terminal/yaml-file.ts'

/** The policy in a YAML or JSON text; throws a CliError that names `source` and the lines of what is wrong. */
export function parsePolicy(text: string, source: string): PolicySpec {
  const what = `policy ${source}`
  const { value, lineOf } = readYamlFile(text, what)
  const validator = Compile(PolicySpec)
  if (!validator.Check(value)) {
    throw yamlFailure(
      what,
      validator.Errors(value).flatMap((error) => describeSchemaError(error, value, lineOf)),
    )
  }
  const wrongSides = findWrongSides(value, lineOf)
  if (wrongSides.length > 0) throw yamlFailure(what, wrongSides)
  return value
}

function describeSchemaError(
  error: SchemaError,
  value: unknown,
  lineOf: (path: YamlPath) => number,
): YamlProblem[] {
  const { keyword, instancePath, params } = error
  // Each field that is too many is reported a second time on its own.
  if (keyword === 'additionalProperties') return []
  const path = yamlPathOf(instancePath, value)
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

function formatPath(path: YamlPath): string {
  return path
    .map((step, at) => (typeof step === 'number' ? `[${step}]` : at === 0 ? step : `.${step}`))
    .join('')
}

/** The control plane reads both sides with the same function; here it can name the line. */
function findWrongSides({ rules }: PolicySpec, lineOf: (path: YamlPath) => number): YamlProblem[] {
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
