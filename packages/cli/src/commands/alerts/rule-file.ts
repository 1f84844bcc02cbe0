import { AlertRuleSpec, schemaFault } from '@plexd/protocol'
import { CliError, describeError, exitCodes } from '@plexd/runtime'
import { Compile } from 'typebox/compile'
import { parse } from 'yaml'

/** The alert rule in a YAML or JSON text; throws a CliError that names `source` and what is wrong. */
export function parseAlertRule(text: string, source: string): AlertRuleSpec {
  const value = readYaml(text, source)
  const validator = Compile(AlertRuleSpec)
  if (validator.Check(value)) return value
  throw failure(
    source,
    schemaFault(validator.Errors(value), { whole: 'the rule', value, schema: AlertRuleSpec }),
  )
}

function readYaml(text: string, source: string): unknown {
  try {
    return parse(text, { prettyErrors: false })
  } catch (error) {
    throw failure(source, describeError(error))
  }
}

function failure(source: string, why: string): CliError {
  return new CliError(`read alert rule ${source}: ${why}`, exitCodes.usage)
}
