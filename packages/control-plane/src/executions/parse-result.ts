import { ExecutionResult } from '@plexd/protocol'
import { cutUtf8 } from '@plexd/runtime'
import { Compile } from 'typebox/compile'
import { parseChecked } from '../http/bodies/parse-json.ts'
import type { Limits } from '../limits.ts'

const checker = Compile(ExecutionResult)

/** Parses the result of an execution, with its output truncated to what is stored. Throws an ApiError (400) for invalid input. */
export function parseResult(
  body: Uint8Array,
  { execution_output_bytes: maxBytes }: Pick<Limits, 'execution_output_bytes'>,
): ExecutionResult {
  const result = parseChecked(checker, new TextDecoder().decode(body))
  const { stdout = '', stderr = '' } = result
  return { ...result, stdout: cutUtf8(stdout, maxBytes), stderr: cutUtf8(stderr, maxBytes) }
}
