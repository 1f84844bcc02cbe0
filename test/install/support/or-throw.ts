import type { Output } from '../../../scripts/programs/program.ts'

/** What a program has printed; rejects unless it ends with 0. */
export async function orThrow(running: Promise<Output>, what = ''): Promise<string> {
  const { code, stdout, stderr } = await running
  if (code !== 0) throw new Error(`${what}: exit code ${code}: ${stdout}${stderr}`)
  return stdout
}
