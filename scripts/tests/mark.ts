/**
 * Loaded into every process with tests (`node --import`): what these start, and whatever that starts, carries a mark in
 * its environment, and is ended when the process ends in whatever way. A test that is given up takes its programs along.
 */
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { markName } from './marked.ts'

const own = randomBytes(8).toString('hex')
const { [markName]: outer, ...unmarked } = process.env
process.env[markName] = outer === undefined ? own : `${outer} ${own}`

// It has no mark, and a session of its own: what ends the others is not for it. Its input ends when this process does.
const janitor = spawn('sh', ['-c', script(), 'janitor', own], {
  stdio: ['pipe', 'ignore', 'ignore'],
  detached: true,
  env: unmarked,
})
janitor.unref()
// A pipe keeps the process alive as a socket does, but that the types do not say.
;(janitor.stdin as unknown as { unref(): void }).unref()

/** Once more after each kill: what was killed may have started something a moment before. */
function script(): string {
  return `cat
for round in 1 2 3 4 5; do
  pids=$(grep -lzs "^${markName}=.*$1" /proc/[0-9]*/environ | cut -d / -f 3)
  [ -n "$pids" ] || exit 0
  kill -9 $pids
done`
}
