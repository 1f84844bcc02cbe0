import { ExecError } from '@plexd/runtime'
import { createExecThroughFile } from '../nft/exec-through-file.ts'
import { type Chain, parseRuleset } from './nft-json.ts'

/**
 * The chains of all other programs that see IPv4. Read table by table, because nft 1.0.6 prints memory that it does not
 * own for a table with an owner, such as our backstop, and may then print nothing at all.
 */
export async function readOthers(): Promise<Chain[]> {
  const execThroughFile = createExecThroughFile()
  const tables = parseTables(await execThroughFile(['nft', 'list', 'tables']))
  const listings = await Promise.all(
    tables.map(async ([family, name]) => {
      try {
        return parseRuleset(await execThroughFile(['nft', '-j', 'list', 'table', family, name]))
      } catch (error) {
        // Deleted in the meantime.
        if (error instanceof ExecError && error.stderr.includes('No such file')) return []
        throw new Error(`read table ${family} ${name}`, { cause: error })
      }
    }),
  )
  return listings.flat()
}

/** From lines such as `table inet filter`. Pure. */
export function parseTables(text: string): [family: string, name: string][] {
  return [...text.matchAll(/^table (ip|inet) (\S+)$/gm)]
    .map(([, family = '', name = '']): [string, string] => [family, name])
    .filter(([, name]) => !/^plexd(_|$)/.test(name))
}
