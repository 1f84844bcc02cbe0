/** `./run soak`: the mesh under whatever comes, for as long as one likes. */
import { parseArgs } from 'node:util'
import { describeError } from '@plexd/runtime'
import { labSkip } from '../../scripts/laboratory/requirements.ts'
import { conditions } from './conditions.ts'
import { type SoakOptions, soak } from './soak.ts'
import { startWorld } from './world.ts'

const usage = `usage: ./run soak [--minutes N] [--seed N] [--only TEXT]

Runs a control plane and three nodes in network namespaces, as root, and lets one condition
after another happen to them. After each the mesh has to work again. In the end nothing of
plexd may be left, no packet have gone out in clear, and none have passed that policy denies.

  --minutes N   for how long conditions are begun; 30 when left out
  --seed N      what is drawn; the clock when left out, and it is printed
  --only TEXT   conditions that have this in their name, and no others

Conditions:
${conditions.map(({ name }) => `  ${name}\n`).join('')}`

const interrupted = Promise.withResolvers<never>()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.once(signal, () => interrupted.reject(new Error(`ended by ${signal}`)))

try {
  const options = readOptions()
  if (!options) process.stdout.write(usage)
  else await Promise.race([run(options), interrupted.promise])
  process.exit(0)
} catch (error) {
  process.stderr.write(`soak: ${describeError(error)}\n`)
  // What it started ends with it: programs with their parent, and a janitor removes the namespaces.
  process.exit(1)
}

type Options = Omit<SoakOptions, 'say'>

function readOptions(): Options | undefined {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '30' },
      seed: { type: 'string', default: `${Date.now() % 1_000_000}` },
      only: { type: 'string', default: '' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) return undefined
  const { only } = values
  return { minutes: numberOf('minutes', values.minutes), seed: numberOf('seed', values.seed), only }
}

function numberOf(flag: string, text: string): number {
  const number = text.trim() === '' ? Number.NaN : Number(text)
  if (Number.isFinite(number) && number >= 0) return number
  throw new Error(`--${flag} "${text}": not a number: give one as --${flag} 5`)
}

async function run(options: Options): Promise<void> {
  const why = labSkip('tcpdump')
  if (why !== false) throw new Error(`there can be no laboratory: ${why}`)
  const say = (line: string): void => console.log(line)
  say(`seed ${options.seed}, ${options.minutes} minutes`)
  await using world = await startWorld()
  const steps = await soak(world, { ...options, say })
  say(`${steps.length} conditions: the mesh worked after each, and nothing is left of it`)
}
