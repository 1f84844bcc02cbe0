/**
 * `./run test [FILE...]`: runs the tests, and then looks whether they have left the machine as it was. Units share one
 * process; what starts programs has one for each file.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { sweepNamespaces } from '../laboratory/namespace.ts'
import { placeDecoys } from './decoys.ts'
import { markedPrograms, markName } from './marked.ts'
import { differences, lookOutside } from './outside.ts'

/** First, and alone: they look at what a run of tests leaves outside. */
const house = ['test/*.test.ts']
/** Beside each other: one after the other took 15 minutes on two cores, of which the systems' tests wait most. */
const units = ['packages/*/src/**/*.test.ts', 'bench/**/*.test.ts']
const systems = ['test/*/**/*.test.ts']

const { values: flags, positionals: files } = parseArgs({
  options: { all: { type: 'boolean', default: false } },
  allowPositionals: true,
})
const runMark = `run${process.pid}`
/** Families of cases of which some are drawn otherwise; what is set already stays as it is. */
const whole = {
  PLEXD_KILL_ROUNDS: '1000',
  PLEXD_HISTORY_RUNS: '300',
  PLEXD_FOLD_RUNS: '200',
  PLEXD_SIGNALS: 'all',
  PLEXD_SOAK_MINUTES: '30',
}
const environment = { ...(flags.all ? whole : {}), ...process.env, [markName]: runMark }
/** No test may hang for ever. Of a family that runs whole, each case has limits of its own. */
const timeoutMs = flags.all ? 6 * 3_600_000 : 300_000

// Ctrl-C reaches the tests too; we go on to clean up behind them.
process.on('SIGINT', () => undefined)
// What a killed run has left is not the machine's: tests would remove it. Who may not look at it could not have made it.
await sweepNamespaces().catch(() => undefined)
using decoys = placeDecoys()
const before = lookOutside()
const codes =
  files.length > 0
    ? [await runTests(files)]
    : [
        await runTests(house),
        ...(await Promise.all([runTests(['--test-isolation=none', ...units]), runTests(systems)])),
      ]
const left = await untilAlone()
for (const text of left) console.error(`error: after the tests: ${text}`)
process.exitCode = Math.max(...codes, left.length > 0 ? 1 : 0)

/** Resolves to the exit code. A test that is given up holds up no other. */
async function runTests(given: readonly string[]): Promise<number> {
  const mark = join(import.meta.dirname, 'mark.ts')
  const flags = ['--test', `--test-timeout=${timeoutMs}`, '--test-force-exit', '--import', mark]
  const child = spawn(process.execPath, [...flags, ...given], {
    stdio: 'inherit',
    env: environment,
  })
  const [code] = await once(child, 'exit')
  return code ?? 1
}

/** On a machine with a life of its own things come and go; one that is there for tests stays as it was. */
function isOurs(difference: string): boolean {
  return process.env.CI === 'true' || / - |plexd|wireguard/.test(difference)
}

/** What they have left behind or changed, when that is still so after a while: the last programs are just ending. */
async function untilAlone(): Promise<string[]> {
  for (let round = 0; ; round++) {
    const left = [
      ...markedPrograms(runMark).map((program) => `still runs: ${program}`),
      ...differences(before, lookOutside()).filter(isOurs),
      ...decoys.lost().map((what) => `gone, though not ours: ${what}`),
    ]
    if (left.length === 0 || round === 50) return left
    await delay(200)
  }
}
