/** A tour of the system: a control plane and three agents, every command really run. `--once` ends after it. */
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describeError } from '@plexd/runtime'
import { type Stage, startStage } from './demo/stage.ts'
import { type Output, runToEnd } from './programs/program.ts'

const hostnames = ['web-01', 'web-02', 'db-01'] as const

async function main(): Promise<void> {
  const startedAt = performance.now()
  const interrupted = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')])
  title('Starting a control plane and three agents')
  await using stage = await startStage()
  const stopped = await Promise.race([interrupted.then(() => true), tour(stage).then(() => false)])
  if (stopped) return
  title(`Done in ${((performance.now() - startedAt) / 1_000).toFixed(1)} s`)
  if (process.argv.includes('--once')) return
  invite(stage)
  await interrupted
  say('\nStopping: the control plane and the agents end, their files go.')
}

async function tour(stage: Stage): Promise<void> {
  say(
    `The control plane listens on ${stage.serverUrl}, with a private CA it made at its first start.`,
  )
  await Promise.all(hostnames.map((hostname) => enrol(stage, hostname)))

  title('1. The nodes have enrolled, each with a one-time token')
  await plexctl(stage, 'node', 'list')

  title('2. Metadata: set for a node, read on it through its Unix socket')
  await plexctl(stage, 'node', 'metadata', 'set', 'web-01', 'env=prod', 'role=web')
  await plexctl(stage, 'node', 'metadata', 'set', 'web-02', 'env=prod', 'role=web')
  await settled(stage, 'web-01', '/v1/state/metadata/role')
  await curl(stage, 'web-01', '/v1/state/metadata')

  title('3. Data: written once for every node that a label selector matches')
  const file = join(stage.folder, 'database.json')
  await writeFile(file, '{ "host": "db-01.mesh", "port": 5432 }\n')
  await plexctl(
    stage,
    'data',
    'put',
    'database-config',
    '--selector',
    'env=prod,role=web',
    '--file',
    file,
  )
  await settled(stage, 'web-02', '/v1/state/data/database-config')
  await curl(stage, 'web-02', '/v1/state/data/database-config')

  title('4. A secret: sealed for the node on its way, never on its disk')
  const secret = ['secret', 'put', 'db/password', '--selector', 'role=web', '--from-file', '-']
  show('printf %s s3cret-p@ssw0rd | plexctl', secret)
  print(succeed(await stage.run('plexctl', secret, 's3cret-p@ssw0rd')))
  await curl(stage, 'web-01', '/v1/state/secrets/db%2Fpassword')
  say('db-01 does not match the selector, so it does not know of it:')
  await curl(stage, 'db-01', '/v1/state/secrets')

  title('5. A report: written by a program on the node, read by the operator')
  const report =
    '{"content_type":"application/json","payload":{"status":"healthy","uptime_s":86400}}'
  await curl(stage, 'db-01', '/v1/state/report/health', '-X', 'PUT', '-d', report)
  await reported(stage, 'db-01', 'health')
  await plexctl(stage, 'report', 'list', 'db-01')

  title('6. A change, from the operator to the program that waits for it')
  await watchChange(stage)

  title('7. An action, run on a node')
  await plexctl(stage, 'action', 'run', 'db-01', 'system.info', '--wait')

  title('8. What the agent says of itself')
  const status = ['status', '--socket', stage.socketOf('web-01')]
  show('plexd', status)
  print(succeed(await stage.run('plexd', status)))
}

async function enrol(stage: Stage, hostname: string): Promise<void> {
  const { stdout } = succeed(
    await stage.run('plexctl', ['token', 'create', '--hostname', hostname, '--json']),
  )
  const { token } = JSON.parse(stdout) as { token: string } // as the admin API has it
  await stage.startAgent(hostname, token)
}

/** Waits on the node with the blocking query while the operator writes, and says how long the change took. */
async function watchChange(stage: Stage): Promise<void> {
  const socket = stage.socketOf('web-01')
  const { index } = JSON.parse((await get(socket, '/v1/watch')).stdout) as { index: number } // as the local API has it
  const path = `/v1/watch?index=${index}&wait=30s`
  show('curl', ['-s', '--unix-socket', socket, `http://localhost${path}`])
  const arrival = get(socket, path).then(() => performance.now())
  const file = join(stage.folder, 'motd.txt')
  await writeFile(file, 'maintenance at noon\n')
  await plexctl(stage, 'data', 'put', 'motd', '--node', 'web-01', '--file', file)
  const answeredAt = performance.now()
  const arrivedAt = await arrival
  say(
    arrivedAt <= answeredAt
      ? 'The waiting program had the change before plexctl had ended.'
      : `The waiting program had the change ${Math.ceil(arrivedAt - answeredAt)} ms after plexctl had ended.`,
  )
  await curl(stage, 'web-01', '/v1/state/data/motd')
}

async function plexctl(stage: Stage, ...args: string[]): Promise<void> {
  show('plexctl', args)
  print(succeed(await stage.run('plexctl', args)))
}

async function curl(
  stage: Stage,
  hostname: string,
  path: string,
  ...options: string[]
): Promise<void> {
  const args = [
    '-s',
    '--unix-socket',
    stage.socketOf(hostname),
    ...options,
    `http://localhost${path}`,
  ]
  show('curl', args)
  print(await runToEnd('curl', args))
}

function get(socket: string, path: string): Promise<Output> {
  return runToEnd('curl', ['-s', '--unix-socket', socket, `http://localhost${path}`])
}

/** Until the path answers with something other than an error. */
async function settled(stage: Stage, hostname: string, path: string): Promise<void> {
  await until(
    async () => !(await get(stage.socketOf(hostname), path)).stdout.includes('"error"'),
    `${hostname}${path}`,
  )
}

async function reported(stage: Stage, hostname: string, key: string): Promise<void> {
  say('Reports are gathered for up to five seconds, then sent.')
  await until(
    async () => (await stage.run('plexctl', ['report', 'show', hostname, key])).code === 0,
    `report "${key}"`,
  )
}

async function until(condition: () => Promise<boolean>, what: string): Promise<void> {
  for (let attempt = 0; attempt < 60; attempt++) {
    if (await condition()) return
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  throw new Error(`wait for ${what}: nothing after a minute`)
}

function succeed(output: Output): Output {
  if (output.code !== 0) throw new Error(`exit code ${output.code}: ${output.stderr.trim()}`)
  return output
}

function invite(stage: Stage): void {
  say(`
All of it keeps running. In another terminal, in this folder:

  . ${stage.folder}/env
  ./run plexctl node list
  ./run plexctl event tail web-01
  ./run plexctl policy list
  curl -s --unix-socket ${stage.socketOf('web-01')} http://localhost/v1/state

Ctrl-C ends it and leaves nothing behind.`)
}

function title(text: string): void {
  process.stdout.write(`\n${bold(text)}\n`)
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}

function show(command: string, args: readonly string[]): void {
  const quoted = args.map((arg) => (/^[\w@%+=:,./-]+$/.test(arg) ? arg : `'${arg}'`))
  process.stdout.write(`  $ ${[command, ...quoted].join(' ')}\n`)
}

function print({ stdout }: Output): void {
  process.stdout.write(stdout.replace(/^(?=.)/gm, '    '))
}

function bold(text: string): string {
  return process.stdout.isTTY ? `\u001b[1m${text}\u001b[0m` : `== ${text}`
}

try {
  await main()
} catch (error) {
  process.stderr.write(`demo: ${describeError(error)}\n`)
  process.exitCode = 1
}
