import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type AgentProcess, startAgentProcess } from '../../scripts/programs/agent.ts'
import { compileCache, type ProgramName } from '../../scripts/programs/build.ts'
import {
  type Commands,
  commandsOfBundles,
  commandsOfSingleFiles,
} from '../../scripts/programs/commands.ts'
import {
  type ControlPlaneProcess,
  startControlPlaneProcess,
} from '../../scripts/programs/control-plane.ts'
import { runToEnd } from '../../scripts/programs/program.ts'
import type { Bench, BenchContext } from '../bench.ts'
import { memoryOf } from '../process-usage.ts'
import { addTimes } from '../scenarios/figures.ts'

/** The programs as they are installed, each beside the same program as a bundle with V8's compile cache. */
export const singleFile: Bench = {
  name: 'single-file',
  targets: [],
  summary: 'the programs as single files, beside bundles: size, start, first answer, memory',
  async run(context) {
    const forms = { file: await commandsOfSingleFiles(), bundle: await commandsOfBundles() }
    for (const name of ['plexd', 'plexctl', 'control-plane'] as const)
      await versions(context, name, forms)
    await daemons(context, forms.file)
  },
}

const roundsOf = ({ rounds, quick }: BenchContext): number => rounds ?? (quick ? 1 : 9)

/** One after the other, so that both meet the same load. */
async function versions(
  context: BenchContext,
  name: ProgramName,
  { file, bundle }: Record<'file' | 'bundle', Commands>,
): Promise<void> {
  const [path = ''] = file[name]
  context.add({ what: `${name}: size`, unit: 'MB', value: (await stat(path)).size / 1e6 })
  const times: Record<'file' | 'bundle', number[]> = { file: [], bundle: [] }
  for (let round = 0; round < roundsOf(context); round++) {
    times.file.push(await timeOf(() => runVersion(context, file[name])))
    times.bundle.push(await timeOf(() => runVersion(context, bundle[name])))
  }
  const floor = { what: 'the bundle', times: times.bundle }
  addTimes(context, `${name}: version`, times.file, { floor })
}

async function runVersion(context: BenchContext, command: readonly string[]): Promise<void> {
  const [program = '', ...args] = command
  const { code, stderr } = await runToEnd(program, [...args, 'version'], compileCache)
  if (code !== 0) context.fault(`${program} version: ${stderr}`)
}

/** A control plane and a node of it, each in both forms in turn. */
async function daemons(context: BenchContext, files: Commands): Promise<void> {
  const [planeFile, agentFile] = [files['control-plane'][0], files.plexd[0]]
  await using stack = new AsyncDisposableStack()
  const plane = await bothForms(
    stack,
    (folder, file) => startControlPlaneProcess(folder, { file }),
    planeFile,
  )
  await starts(context, 'control-plane', plane)
  const controlPlane = plane.bundle
  const agent = await bothForms(
    stack,
    async (folder, file) => {
      const token = await newToken(context, files.plexctl, controlPlane)
      const hostname = file === undefined ? 'bundle' : 'file'
      return startAgentProcess(folder, { hostname, token, controlPlane, file })
    },
    agentFile,
  )
  await starts(context, 'plexd', agent)
  // Garbage of the start is collected within a minute.
  await delay(context.quick ? 0 : 60_000)
  memory(context, 'control-plane', plane)
  memory(context, 'plexd', agent)
}

type Daemon = AgentProcess | ControlPlaneProcess
type Both<Kind> = Record<'file' | 'bundle', Kind>

async function bothForms<Kind extends Daemon>(
  stack: AsyncDisposableStack,
  start: (folder: string, file: string | undefined) => Promise<Kind>,
  file: string | undefined,
): Promise<Both<Kind>> {
  const startOne = async (path: string | undefined): Promise<Kind> => {
    const folder = await mkdtemp(join(tmpdir(), 'plexd-bench-'))
    stack.defer(() => rm(folder, { recursive: true, force: true }))
    return stack.use(await start(folder, path))
  }
  return { file: await startOne(file), bundle: await startOne(undefined) }
}

async function newToken(
  context: BenchContext,
  plexctl: readonly string[],
  { environment }: ControlPlaneProcess,
): Promise<string> {
  const { stdout, stderr } = await runToEnd(
    plexctl[0] ?? '',
    ['token', 'create', '--json'],
    environment,
  )
  if (stdout === '') context.fault(`plexctl token create: ${stderr}`)
  return (JSON.parse(stdout) as { token: string }).token
}

/** `start` of both resolves when it serves. */
async function starts(
  context: BenchContext,
  name: string,
  { file, bundle }: Both<Daemon>,
): Promise<void> {
  const times: Both<number[]> = { file: [], bundle: [] }
  for (let round = 0; round < roundsOf(context); round++)
    for (const [form, daemon] of [
      ['file', file],
      ['bundle', bundle],
    ] as const) {
      await daemon.end()
      times[form].push(await timeOf(() => daemon.start()))
    }
  const floor = { what: 'the bundle', times: times.bundle }
  addTimes(context, `${name}: a further start, until it serves`, times.file, { floor })
}

function memory(context: BenchContext, name: string, { file, bundle }: Both<Daemon>): void {
  for (const [field, what] of [
    ['VmRSS', 'memory, all in'],
    ['RssAnon', 'of that its own'],
  ] as const)
    context.add({
      what: `${name}: ${what}`,
      unit: 'MB',
      value: memoryOf(file.program().pid, field) / 1e6,
      floor: { what: 'the bundle', value: memoryOf(bundle.program().pid, field) / 1e6 },
    })
}

async function timeOf(run: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now()
  await run()
  return performance.now() - startedMs
}
