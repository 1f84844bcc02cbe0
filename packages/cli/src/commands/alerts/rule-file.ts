import { AlertRuleSpec, schemaFault } from '@plexd/protocol'
import { Compile } from 'typebox/compile'
import { readYamlFile, yamlFailure, yamlPathOf } from '../../terminal/yaml-file.ts'

/** The alert rule in a YAML or JSON text; throws a CliError that names `source`, the line and what is wrong. */
export function parseAlertRule(text: string, source: string): AlertRuleSpec {
  const what = `alert rule ${source}`
  const { value, lineOf } = readYamlFile(text, what)
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw yamlFailure(what, [
      {
        line: 1,
        text: 'want a mapping of names to values: "plexctl alerts rules put --help" shows one',
      },
    ])
  const validator = Compile(AlertRuleSpec)
  if (validator.Check(value)) return value
  const errors = validator.Errors(value)
  const fault = schemaFault(errors, { whole: 'the rule', value, schema: AlertRuleSpec })
  const line = lineOf(yamlPathOf(errors[0]?.instancePath ?? '', value))
  throw yamlFailure(what, [{ line, text: fault }])
}
