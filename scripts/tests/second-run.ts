import type { FileOutcome } from './file-reporter.ts'
import type { Run } from './runner.ts'

/** More than these are no matter of a busy machine. */
const mostFailed = 10

/**
 * The files to run once more, alone; none when that could not make the runs pass. Pure. What failed outside of files with tests, as
 * a runner that was killed or a test that is defined in a module, has no second run.
 */
export function filesToRunAgain(runs: readonly Run[]): string[] {
  const failed = runs.map(({ files }) => files.filter((outcome) => outcome.failed))
  const isExplained = runs.every(({ passed }, at) => passed || (failed[at] ?? []).length > 0)
  const files = failed.flat().map(({ file }) => file)
  const canRun = files.length <= mostFailed && files.every((file) => file.endsWith('.test.ts'))
  return isExplained && canRun ? files : []
}

/** The files that took longest, that first. */
export function slowest(runs: readonly Run[], most: number): FileOutcome[] {
  return runs
    .flatMap(({ files }) => files)
    .sort((a, b) => b.durationMs - a.durationMs)
    .slice(0, most)
}
