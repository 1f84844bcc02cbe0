import { exec } from '../process/exec.ts'

const maxLines = 20_000

/** The log of a unit in systemd's journal since then (milliseconds since 1970), the newest lines. Rejects where there is none. */
export async function readJournal(
  unit: string,
  sinceMs: number,
  signal: AbortSignal,
): Promise<string> {
  const text = await exec(
    [
      'journalctl',
      '--quiet',
      '--no-pager',
      '--output=short-iso',
      `--unit=${unit}`,
      `--lines=${maxLines}`,
      `--since=@${Math.floor(sinceMs / 1_000)}`,
    ],
    { signal },
  )
  if (text.trim() === '') throw new Error(`the journal has nothing of "${unit}" since then`)
  return text
}
