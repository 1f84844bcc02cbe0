/**
 * `./run test [FILE...]`: runs the tests, and then looks whether they have left the machine as it was. Units share one
 * process; what starts programs has one for each file. A file that failed runs once more, alone: one that passes then is
 * named as flaky, which is a fault to be mended, and the run passes.
 */
import { globSync } from 'node:fs'
import { relative } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { sweepNamespaces } from '../laboratory/namespace.ts'
import { compileCache } from '../programs/build.ts'
import { placeDecoys } from './decoys.ts'
import { markedPrograms, markName } from './marked.ts'
import { differences, lookOutside } from './outside.ts'
import { type Run, runTests } from './runner.ts'
import { filesToRunAgain, slowest } from './second-run.ts'

/** First, and alone: they look at what a run of tests leaves outside. */
const house = ['test/*.test.ts']
/** By folder in test/. The files of a folder run one after another, each in a process of its own. */
const rooms = Object.groupBy(
  globSync('test/*/**/*.test.ts').sort(),
  (file) => file.split('/')[1] ?? '', // there is one
)
const { mesh = [], bench = [], upgrade = [], hostile = [], ...shortRooms } = rooms
/** In the order in which they begin: those that take longest first, so that short ones fill up the end. */
const jobs: readonly string[][] = [
  mesh,
  unitsIn('packages/agent'),
  ...halves(globSync('packages/control-plane/**/*.test.ts').sort()).map(inOneProcess),
  unitsIn(
    ...globSync('packages/*', { exclude: ['packages/agent', 'packages/control-plane'] }),
    'bench',
  ),
  bench,
  upgrade,
  hostile,
  ...Object.values(shortRooms).map((files = []) => files),
]
/** Jobs at the same time. Two took 14 minutes on two cores, in much of which these had nothing to do. */
const lanes = 4

const { values: flags, positionals: files } = parseArgs({
  options: { all: { type: 'boolean', default: false } },
  allowPositionals: true,
})
const runMark = `run${process.pid}`
/** Families of cases of which some are drawn otherwise; what is set already stays as it is. */
const whole = {
  PLEXD_KILL_ROUNDS: '1000',
  PLEXD_TELEMETRY_KILL_ROUNDS: '100',
  PLEXD_CONTAIN_ROUNDS: '50',
  PLEXD_DISPATCH_EXECUTIONS: '1000',
  PLEXD_DISPATCH_KILLS: '300',
  PLEXD_RUN_KILLS: '100',
  PLEXD_MOVE_AGENTS: '100',
  PLEXD_MOVE_KILLS: '4',
  PLEXD_TELEMETRY_KILLS: '100',
  PLEXD_DAMAGE_RUNS: '300',
  PLEXD_SCHEDULE_KILLS: '100',
  PLEXD_RUN_SEQUENCES: '200',
  PLEXD_ROTATION_RUNS: '2000',
  PLEXD_HISTORY_RUNS: '300',
  PLEXD_FOLD_RUNS: '200',
  PLEXD_SEQUENCE_RUNS: '200',
  PLEXD_BACKUP_FLIPS: 'all',
  PLEXD_POSTGRES: 'all',
  PLEXD_RESTORE_KILLS: '30',
  PLEXD_SALVAGE_KILLS: '300',
  PLEXD_BENCHES: 'all',
  PLEXD_CHAOS_FAULTS: '100',
  PLEXD_COLLECTORS: 'all',
  PLEXD_BUILDS: 'all',
  PLEXD_INSTALL: 'all',
  PLEXD_CONTAINERS: 'all',
  PLEXD_SIGNALS: 'all',
  PLEXD_UPGRADE_CASES: 'all',
  PLEXD_SOAK_MINUTES: '30',
}
/** No test may hang for ever. Of a family that runs whole, each case has limits of its own. */
const timeoutMs = flags.all ? 6 * 3_600_000 : 300_000
const options = {
  // With V8's compile cache: hundreds of processes load the same sources.
  env: { ...compileCache, ...(flags.all ? whole : {}), ...process.env, [markName]: runMark },
  timeoutMs,
  processMs: 4 * timeoutMs,
}

// Ctrl-C reaches the tests too; we go on to clean up behind them.
let isInterrupted = false
process.on('SIGINT', () => {
  isInterrupted = true
})
// What a killed run has left is not the machine's: tests would remove it. Who may not look at it could not have made it.
await sweepNamespaces().catch(() => undefined)
using decoys = placeDecoys()
const before = lookOutside()
const runs =
  files.length > 0
    ? [await runTests(files, options)]
    : [await runTests(house, options), ...(await runJobs())]
const again = isInterrupted ? [] : filesToRunAgain(runs)
const seconds: Run[] = []
for (const file of again) seconds.push(await runTests([file], options))
const left = await untilAlone()
for (const text of left) console.error(`error: after the tests: ${text}`)
report()
const passes = again.length > 0 ? hasPassed(seconds) : hasPassed(runs)
process.exitCode = passes && left.length === 0 ? 0 : 1

/** The units in those folders. */
function unitsIn(...folders: string[]): string[] {
  return inOneProcess(folders.map((folder) => `${folder}/**/*.test.ts`))
}

function inOneProcess(files: readonly string[]): string[] {
  return ['--test-isolation=none', ...files]
}

/** Of a room that would take too long for one process on a busy machine; by turns, as neighbours are alike. */
function halves(files: readonly string[]): string[][] {
  return [0, 1].map((half) => files.filter((_, at) => at % 2 === half))
}

async function runJobs(): Promise<Run[]> {
  const waiting = [...jobs]
  async function runLane(): Promise<Run[]> {
    const job = isInterrupted ? undefined : waiting.shift()
    return job ? [await runTests(job, options), ...(await runLane())] : []
  }
  return (await Promise.all(Array.from({ length: lanes }, runLane))).flat()
}

function hasPassed(given: readonly Run[]): boolean {
  return given.every(({ passed }) => passed)
}

/** Where the time went, and what became of the second runs. */
function report(): void {
  console.log('\nThe files that took longest:')
  for (const { file, durationMs } of slowest(runs, 10))
    console.log(`${(durationMs / 1000).toFixed(1).padStart(7)} s  ${relative('.', file)}`)
  for (const [at, file] of again.entries())
    console.log(`${seconds[at]?.passed ? 'FLAKY' : 'FAILED'} ${relative('.', file)}`)
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
