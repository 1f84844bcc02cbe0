/** The measurements of the project: `./run bench` lists them, `./run bench NAME` runs some. */
import { mkdir, writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { describeError } from '@plexd/runtime'
import type { Bench } from './bench.ts'
import { benches } from './benches.ts'
import { createContext, type Findings } from './context.ts'
import type { GivenPlane } from './fleet/plane.ts'
import { describeMachine, readMachine } from './machine.ts'
import { runInOwnNetwork } from './own-network.ts'
import { formatFigure, headings } from './report.ts'

const options = {
  quick: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  out: { type: 'string' },
  agents: { type: 'string' },
  topology: { type: 'string' },
  seconds: { type: 'string' },
  rounds: { type: 'string' },
  workers: { type: 'string' },
  profile: { type: 'boolean', default: false },
  heap: { type: 'boolean', default: false },
  url: { type: 'string' },
  'ca-file': { type: 'string' },
  'token-file': { type: 'string' },
  help: { type: 'boolean', default: false },
  /** Of the run that is in a network namespace of its own already. */
  inside: { type: 'boolean', default: false },
} as const

const usage = `usage: ./run bench [NAME|TARGET|all ...] [options]

  --agents N[,N...]    simulated agents, or peers; a run for each number
  --topology KIND      only benches in which all see each other (full), or only groups of 50 (groups)
  --seconds N          how long to measure
  --rounds N           how often to repeat
  --workers N          processes with simulated agents (1 up to 5,000 agents, then 2)
  --quick              small and short; fails on errors only, never on time
  --json               the results for programs, on stdout
  --out FILE           the same into a file
  --profile            CPU profiles of the program under test, and the functions that took the time
  --heap               heap snapshots of it too
  --url URL --ca-file FILE --token-file FILE
                       a control plane that runs already, with the token of an owner
`

const { values: flags, positionals } = readArguments()
const chosen = choose(positionals)
if (chosen.length === 0 || flags.help) list()
else await runAll(chosen)

function readArguments() {
  try {
    return parseArgs({ options, allowPositionals: true })
  } catch (error) {
    return fail(describeError(error))
  }
}

function fail(why: string): never {
  process.stderr.write(`bench: ${why}: "./run bench" lists what there is\n`)
  process.exit(2)
}

function choose(names: readonly string[]): readonly Bench[] {
  if (names.includes('all') || (names.length === 0 && flags.quick)) return benches
  return names.flatMap((name) => {
    const named = benches.filter(
      ({ name: own, targets }) => own === name || targets.includes(name.toUpperCase()),
    )
    const found = named.filter(hasTopology)
    if (named.length === 0) fail(`there is no bench "${name}"`)
    if (found.length === 0)
      fail(`bench "${name}" has no topology "${flags.topology}": ${namesOfTopology()}`)
    return found
  })
}

function hasTopology({ topology }: Bench): boolean {
  return flags.topology === undefined || topology === flags.topology
}

/** Those that have the given one. */
function namesOfTopology(): string {
  const names = benches.filter(hasTopology).map(({ name }) => `"${name}"`)
  return names.length === 0 ? 'want "full" or "groups"' : `only ${names.join(', ')} have`
}

function list(): void {
  console.log(usage)
  for (const { name, targets, summary } of benches)
    console.log(`  ${name.padEnd(16)} ${targets.join(' ').padEnd(10)} ${summary}`)
}

async function runAll(chosen: readonly Bench[]): Promise<void> {
  const machine = readMachine()
  const date = new Date().toISOString()
  const command = `./run bench ${process.argv.slice(2).join(' ')}`
  if (!flags.inside) say(`${describeMachine(machine)}\n`)
  const results: (Findings & { bench: string; agents?: number })[] = []
  for (const bench of chosen)
    for (const agents of sizesOf(flags.agents)) {
      if (!flags.inside) announce(bench, agents)
      const isApart = bench.ownNetwork && !flags.inside
      const findings = isApart ? runApart(bench, agents) : await runOne(bench, agents)
      results.push({ bench: bench.name, ...(agents === undefined ? {} : { agents }), ...findings })
      if (!flags.inside) say('')
    }
  const text = `${JSON.stringify({ date, command, machine, results }, null, 2)}\n`
  if (flags.json) process.stdout.write(text)
  if (flags.out !== undefined) await writeFile(flags.out, text)
  if (results.some(({ faults }) => faults.length > 0)) process.exitCode = 1
}

function announce({ name, summary }: Bench, agents: number | undefined): void {
  say(`${name}${agents === undefined ? '' : ` with ${agents} agents`}: ${summary}`)
  say(headings)
}

async function runOne(bench: Bench, agents: number | undefined): Promise<Findings> {
  const profileDir = flags.profile || flags.heap ? resolve('.cache/bench-profiles') : undefined
  if (profileDir !== undefined) await mkdir(profileDir, { recursive: true })
  await using context = createContext({
    quick: flags.quick,
    agents,
    seconds: numberOf(flags.seconds),
    rounds: numberOf(flags.rounds),
    workers: numberOf(flags.workers),
    profileDir,
    wantsHeap: flags.heap,
    given: givenPlane(),
    onFigure: (figure) => say(formatFigure(figure)),
    onText: (text) => say(`     ${text}`),
  })
  try {
    await bench.run(context)
  } catch (error) {
    context.fault(describeError(error))
  }
  return context.findings
}

/** The same bench by this program in a network namespace, where it prints its results as JSON. */
function runApart({ name }: Bench, agents: number | undefined): Findings {
  if (process.getuid?.() !== 0) {
    const note = 'left out: it needs root'
    say(`     ${note}`)
    return { figures: [], faults: [], notes: [note] }
  }
  const { quick, profile, heap, seconds, rounds } = flags
  const given = Object.entries({ quick, profile, heap, agents, seconds, rounds })
  const args = given.flatMap(([option, value]) => {
    if (value === undefined || value === false) return []
    return value === true ? [`--${option}`] : [`--${option}=${value}`]
  })
  try {
    const text = runInOwnNetwork(import.meta.filename, [name, ...args, '--inside', '--json'])
    const { results } = JSON.parse(text) as { results: Findings[] } // as this program prints it
    return results[0] ?? { figures: [], faults: ['it printed no results'], notes: [] }
  } catch (error) {
    return { figures: [], faults: [describeError(error)], notes: [] }
  }
}

function givenPlane(): GivenPlane | undefined {
  const { url, 'ca-file': caFile, 'token-file': tokenFile } = flags
  if (url === undefined) return undefined
  if (caFile === undefined || tokenFile === undefined)
    throw new Error('--url wants --ca-file and --token-file beside it')
  return { url, caFile, tokenFile }
}

function sizesOf(text: string | undefined): (number | undefined)[] {
  return text === undefined ? [undefined] : text.split(',').map((size) => numberOf(size))
}

function numberOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const number = Number(text)
  if (!(number > 0)) throw new Error(`"${text}" is not a number above 0`)
  return number
}

/** With `--json`, stdout is for programs. */
function say(text: string): void {
  if (flags.json) console.error(text)
  else console.log(text)
}
