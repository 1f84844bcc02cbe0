import { resolve } from 'node:path'

/** Read at import: see ffi.ts. */
const { emitWarning } = process

/**
 * Continues as another program in the same process, with its id and its open streams 0 to 2 (execve(2)). Does not return;
 * throws if the program cannot be started. What this program has opened is closed, but nothing is disposed of.
 */
export function replaceProcess(
  file: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): never {
  if (!process.execve) throw new Error(`run "${file}" in this process: only Linux can`)
  // It is an experimental feature, which users of the daemon can do nothing about.
  process.emitWarning = () => {}
  try {
    process.execve(file, [file, ...args], env)
    throw new Error(`run "${file}" in this process: it did not start`)
  } finally {
    process.emitWarning = emitWarning
  }
}

/** What this program was started with, without its own name, as a further start needs it. */
export function ownArguments(isSingleFile: boolean): string[] {
  return [...ownProgram(isSingleFile), ...process.argv.slice(2)]
}

/** What comes before the arguments of this program, without its own name. */
export function ownProgram(isSingleFile: boolean): string[] {
  const [, script = ''] = process.argv
  return isSingleFile ? [] : [...process.execArgv, resolve(script)]
}
