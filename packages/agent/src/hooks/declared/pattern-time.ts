import { runInNewContext } from 'node:vm'
import { errorCodeOf } from '@plexd/runtime'
import type { TObject } from 'typebox'
import type { ReceivedParameters } from '../../actions/define.ts'

const maxMs = 1_000

/**
 * Throws a RangeError if it takes long to match a value with its pattern: with repetitions inside repetitions that can be
 * years, and plexd would do nothing else.
 */
export function checkPatternTime(schema: TObject, received: ReceivedParameters): void {
  for (const [name, property] of Object.entries(schema.properties)) {
    const value = received[name]
    if (!('pattern' in property) || typeof value !== 'string') continue
    try {
      runInNewContext(
        'new RegExp(pattern, "u").test(value)',
        { pattern: property.pattern, value },
        { timeout: maxMs },
      )
    } catch (error) {
      if (errorCodeOf(error) !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error
      throw new RangeError(
        `${name}: it cannot be told within ${maxMs} ms whether it matches ${property.pattern}`,
      )
    }
  }
}
