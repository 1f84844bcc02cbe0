import { ExecutionResult } from '@plexd/protocol'
import { Compile } from 'typebox/compile'
import { parseChecked } from '../http/bodies/parse-json.ts'
import type { Limits } from '../limits.ts'

const checker = Compile(ExecutionResult)

/** Reads the result of an execution, with as much of its output as is kept. Throws an ApiError (400) for anything else. */
export function parseResult(
  body: Uint8Array,
  { execution_output_bytes: maxBytes }: Pick<Limits, 'execution_output_bytes'>,
): ExecutionResult {
  const result = parseChecked(checker, new TextDecoder().decode(body))
  const { stdout = '', stderr = '' } = result
  return { ...result, stdout: truncate(stdout, maxBytes), stderr: truncate(stderr, maxBytes) }
}

/** The first of its bytes, without half a character at the end. */
function truncate(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text)
  if (bytes.length <= maxBytes) return text
  let end = maxBytes
  // 10xxxxxx continues a character, RFC 3629 section 3.
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end--
  return bytes.subarray(0, end).toString()
}
