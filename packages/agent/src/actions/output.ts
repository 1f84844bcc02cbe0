import { truncateOutput } from '../contain/truncate.ts'
import type { ActionOutput } from './define.ts'
import type { Outcome } from './limited-run.ts'

/** As it is reported, each text of at most `maxBytes`, with our note on a line of its own at the end of stderr. */
export function outputOf({ note, ...outcome }: Outcome, maxBytes: number): Omit<Outcome, 'note'> {
  return {
    ...outcome,
    stdout: truncateOutput(outcome.stdout, maxBytes),
    stderr:
      note === undefined
        ? truncateOutput(outcome.stderr, maxBytes)
        : withNote(outcome.stderr, note, maxBytes),
  }
}

function withNote(text: string, note: string, maxBytes: number): string {
  const line = truncateOutput(`${note}\n`, maxBytes)
  const kept = truncateOutput(text, maxBytes - Buffer.byteLength(`\n${line}`))
  return kept === '' || kept.endsWith('\n') ? kept + line : `${kept}\n${line}`
}

/** The output of an action that returns data. */
export function jsonOutput(value: unknown, exit_code = 0): ActionOutput {
  return { exit_code, stdout: `${JSON.stringify(value, null, 2)}\n`, stderr: '' }
}
