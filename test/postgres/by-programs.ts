import assert from 'node:assert/strict'
import type { ControlPlaneProcess } from '../../scripts/programs/control-plane.ts'
import { type Output, runProgram } from '../../scripts/programs/program.ts'

/** A control plane, or several, as an operator reaches it. */
export type Place = Pick<ControlPlaneProcess, 'environment'>

export const plexctl = ({ environment }: Place, ...args: string[]): Promise<Output> =>
  runProgram('plexctl', args, environment)

export async function tokenOf(place: Place): Promise<string> {
  const { stdout, stderr } = await plexctl(place, 'token', 'create', '--json')
  assert.notEqual(stdout, '', stderr)
  return JSON.parse(stdout).token
}

/** Of every node, at `k`. */
export async function putEntry(
  { environment }: Place,
  kind: 'data' | 'secret',
  text: string,
): Promise<void> {
  const args = [kind, 'put', 'k', '--selector', '*', '--file', '-']
  const { code, stderr } = await runProgram('plexctl', args, environment, text)
  assert.equal(code, 0, stderr)
}

/** What the agent has at `k`. */
export async function entryOf(socket: string, kind: 'data' | 'secret'): Promise<string> {
  const { stdout } = await runProgram('plexd', ['state', 'get', kind, 'k', '--socket', socket])
  return stdout.trim()
}
