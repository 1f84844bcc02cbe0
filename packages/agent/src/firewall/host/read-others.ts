import { ExecError } from '@plexd/runtime'
import { createExecThroughFile } from '../nft/exec-through-file.ts'
import { type Chain, parseRuleset } from './nft-json.ts'

/**
 * The chains of all other programs, as far as they see IPv4. Table by table: nft 1.0.6 prints memory that it does not own
 * where a table has an owner, as our backstop has, and then may print nothing at all.
 */
export async function readOthers(): Promise<Chain[]> {
  const execThroughFile = createExecThroughFile()
  const tables = parseTables(await execThroughFile(['nft', 'list', 'tables']))
  const listings = await Promise.all(
    tables.map(async ([family, name]) => {
      try {
        return parseRuleset(await execThroughFile(['nft', '-j', 'list', 'table', family, name]))
      } catch (error) {
        // It may be gone by now.
        if (error instanceof ExecError && error.stderr.includes('No such file')) return []
        throw new Error(`read table ${family} ${name}`, { cause: error })
      }
    }),
  )
  return listings.flat()
}

/** Lines such as `table inet filter`. Pure. */
export function parseTables(text: string): [family: string, name: string][] {
  return [...text.matchAll(/^table (ip|inet) (\S+)$/gm)]
    .map(([, family = '', name = '']): [string, string] => [family, name])
    .filter(([, name]) => !/^plexd(_|$)/.test(name))
}
