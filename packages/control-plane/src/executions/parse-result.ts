import { ExecutionResult, maxOutputBytes } from '@plexd/protocol'
import { Compile } from 'typebox/compile'
import { parseChecked } from '../http/bodies/parse-json.ts'

const checker = Compile(ExecutionResult)

/** Reads the result of an execution, with as much of its output as is kept. Throws an ApiError (400) for anything else. */
export function parseResult(body: Uint8Array): ExecutionResult {
  const result = parseChecked(checker, new TextDecoder().decode(body))
  const { stdout = '', stderr = '' } = result
  return { ...result, stdout: truncate(stdout), stderr: truncate(stderr) }
}

/** The first `maxOutputBytes`, without half a character at the end. */
function truncate(text: string): string {
  const bytes = Buffer.from(text)
  if (bytes.length <= maxOutputBytes) return text
  let end = maxOutputBytes
  // 10xxxxxx continues a character, RFC 3629 section 3.
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end--
  return bytes.subarray(0, end).toString()
}
