import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Output, runToEnd } from '../programs/program.ts'
import type { Stage } from './stage.ts'
import { chapter, print, say, show, showPiped } from './terminal.ts'
import { until } from './until.ts'

/** Enrolment and metadata. */
export async function showNodes(stage: Stage): Promise<void> {
  chapter('The nodes have enrolled, each with a one-time token')
  await plexctl(stage, 'node', 'list')

  chapter('Metadata: set for a node, read on it through its Unix socket')
  await plexctl(stage, 'node', 'metadata', 'set', 'web-01', 'env=prod', 'role=web')
  await plexctl(stage, 'node', 'metadata', 'set', 'web-02', 'env=prod', 'role=web')
  await settled(stage, 'web-01', '/v1/state/metadata/role')
  await curl(stage, 'web-01', '/v1/state/metadata')
}

/** Data and secrets to the node, and reports from it. */
export async function showState(stage: Stage): Promise<void> {
  chapter('Data: written once for every node that a label selector matches')
  const file = join(stage.folder, 'database.json')
  await writeFile(file, '{ "host": "db-01.mesh", "port": 5432 }\n')
  const selected = ['--selector', 'env=prod,role=web', '--file', file]
  await plexctl(stage, 'data', 'put', 'database-config', ...selected)
  await settled(stage, 'web-02', '/v1/state/data/database-config')
  await curl(stage, 'web-02', '/v1/state/data/database-config')

  chapter('A secret: sealed for the node on its way, never on its disk')
  const secret = ['secret', 'put', 'db/password', '--selector', 'role=web', '--file', '-']
  showPiped('printf %s s3cret-p@ssw0rd', ['plexctl', ...secret])
  print(await stage.plexctl(secret, 's3cret-p@ssw0rd'))
  await curl(stage, 'web-01', '/v1/state/secrets/db%2Fpassword')
  say('db-01 does not match the selector, so it does not know of it:')
  await curl(stage, 'db-01', '/v1/state/secrets')

  chapter('A report: written by a program on the node, read by the operator')
  const report =
    '{"content_type":"application/json","payload":{"status":"healthy","uptime_s":86400}}'
  await curl(stage, 'db-01', '/v1/state/report/health', '-X', 'PUT', '-d', report)
  await reported(stage, 'db-01', 'health')
  await plexctl(stage, 'report', 'list', 'db-01')

  chapter('A change, from the operator to the program that waits for it')
  await watchChange(stage)
}

export async function showOperation(stage: Stage): Promise<void> {
  chapter('An action, run on a node')
  await plexctl(stage, 'action', 'run', 'db-01', 'system.info', '--wait')

  chapter('What the agent says of itself')
  show(['plexd', 'status'], 'web-01')
  print(await stage.plexd('web-01', ['status']))
}

/** Waits on the node in a blocking query while the operator writes; prints how long the change took. */
async function watchChange(stage: Stage): Promise<void> {
  const socket = stage.socketOf('web-01')
  const { index } = JSON.parse((await get(socket, '/v1/watch')).stdout) as { index: number } // as the local API has it
  const path = `/v1/watch?index=${index}&wait=30s`
  show(['curl', '-s', '--unix-socket', socket, `http://localhost${path}`])
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

export async function plexctl(stage: Stage, ...args: string[]): Promise<void> {
  show(['plexctl', ...args])
  print(await stage.plexctl(args))
}

async function curl(
  stage: Stage,
  hostname: string,
  path: string,
  ...options: string[]
): Promise<void> {
  const socket = ['--unix-socket', stage.socketOf(hostname)]
  const args = ['-s', ...socket, ...options, `http://localhost${path}`]
  show(['curl', ...args])
  print(await runToEnd('curl', args))
}

function get(socket: string, path: string): Promise<Output> {
  return runToEnd('curl', ['-s', '--unix-socket', socket, `http://localhost${path}`])
}

/** Until the path answers without an error. */
function settled(stage: Stage, hostname: string, path: string): Promise<void> {
  return until(
    async () => !(await get(stage.socketOf(hostname), path)).stdout.includes('"error"'),
    `${hostname}${path}`,
  )
}

function reported(stage: Stage, hostname: string, key: string): Promise<void> {
  say('Reports are gathered for up to five seconds, then sent.')
  return until(
    async () => (await stage.plexctl(['report', 'show', hostname, key])).code === 0,
    `report "${key}"`,
  )
}
