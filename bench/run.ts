/** The measurements of the project: `./run bench` lists them, `./run bench NAME` runs some. */
import { execFileSync } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { describeError } from '@plexd/runtime'
import type { Bench, Figure } from './bench.ts'
import { benches } from './benches.ts'
import { createContext, type Findings } from './context.ts'
import { describeMachine, readMachine } from './machine.ts'
import { formatFigure, headings } from './report.ts'

const options = {
  quick: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  out: { type: 'string' },
  agents: { type: 'string' },
  seconds: { type: 'string' },
  rounds: { type: 'string' },
  workers: { type: 'string' },
  profile: { type: 'boolean', default: false },
  heap: { type: 'boolean', default: false },
  url: { type: 'string' },
  'ca-file': { type: 'string' },
  'token-file': { type: 'string' },
  help: { type: 'boolean', default: false },
} as const

const usage = `usage: ./run bench [NAME|TARGET|all ...] [options]

  --agents N[,N...]    simulated agents; a run for each number
  --seconds N          how long what takes its time is to take
  --rounds N           how often what is repeated is repeated
  --workers N          processes with simulated agents (1 up to 5,000 agents, then 2)
  --quick              small and short; fails on errors only, never on time
  --json               the results for programs, on stdout
  --out FILE           the same into a file
  --profile            CPU profiles of the control plane, and where its time went
  --heap               heap snapshots of the control plane
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
    const found = benches.filter(
      (bench) => bench.name === name || bench.targets.includes(name.toUpperCase()),
    )
    if (found.length === 0) fail(`there is no bench "${name}"`)
    return found
  })
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
  say(`${describeMachine(machine)}\n`)
  const results: (Findings & { bench: string; agents?: number })[] = []
  for (const bench of chosen)
    for (const agents of sizesOf(flags.agents)) {
      say(`${bench.name}${agents === undefined ? '' : ` with ${agents} agents`}: ${bench.summary}`)
      say(headings)
      const findings = bench.script ? runScript(bench) : await runOne(bench, agents)
      results.push({ bench: bench.name, ...(agents === undefined ? {} : { agents }), ...findings })
      say('')
    }
  const text = `${JSON.stringify({ date, command, machine, results }, null, 2)}\n`
  if (flags.json) process.stdout.write(text)
  if (flags.out !== undefined) await writeFile(flags.out, text)
  if (results.some(({ faults }) => faults.length > 0)) process.exitCode = 1
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
    await bench.run?.(context)
  } catch (error) {
    context.fault(describeError(error))
  }
  return context.findings
}

/** What needs a process of its own, for it is about the agent and about the kernel. */
function runScript({ script = '', targets }: Bench): Findings {
  if (flags.quick || process.getuid?.() !== 0) {
    const note = flags.quick ? 'left out: it has no short form' : 'left out: it needs root'
    say(`     ${note}`)
    return { figures: [], faults: [], notes: [note] }
  }
  try {
    const text = execFileSync(process.execPath, [join(import.meta.dirname, script), '--json'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const { figures } = JSON.parse(text) as { figures: (Figure | ScriptFigure)[] } // as these scripts print it
    return {
      figures: figures.flatMap((figure) =>
        'value' in figure ? showFigure(figure) : ownFigures(figure, targets),
      ),
      faults: [],
      notes: [],
    }
  } catch (error) {
    return { figures: [], faults: [describeError(error)], notes: [] }
  }
}

interface ScriptFigure {
  id?: string
  what: string
  unit: string
  median: number
  p99: number
  max: number
  rounds: number
  target?: Figure['target']
}

function showFigure(figure: Figure): Figure[] {
  say(formatFigure(figure))
  return [figure]
}

function ownFigures(found: ScriptFigure, _targets: readonly string[]): Figure[] {
  const { what, unit, median, p99, max, rounds, id, target } = found
  const figures: Figure[] = [
    { what: `${what}, median`, unit, value: median, rounds },
    {
      ...(id === undefined ? {} : { id }),
      what: `${what}, p99`,
      unit,
      value: p99,
      high: max,
      low: median,
      rounds,
      ...(target ? { target } : {}),
    },
  ]
  for (const figure of figures) say(formatFigure(figure))
  return figures
}

function givenPlane(): { url: string; caFile: string; tokenFile: string } | undefined {
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
