import type { ChildProcess } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { kill } from '../laboratory/namespace.ts'
import type { MeshStage } from './mesh-stage.ts'
import { chapter, print, printText, say, show } from './terminal.ts'
import { plexctl } from './tour.ts'
import { until } from './until.ts'

/** Packets over WireGuard, and what policy makes of them. */
export async function showMesh(stage: MeshStage): Promise<void> {
  chapter('The mesh: WireGuard between nodes behind the routers of two sites, found by STUN')
  await connected(stage, 'web-01', 2)
  await plexd(stage, 'web-01', 'peers')
  const db = stage.member('db-01').meshIp
  await on(stage, 'web-01', 'ping', '-n', '-c', '3', '-i', '0.2', db)

  const server = serveHttp(stage, 'db-01')
  try {
    chapter('HTTP across the mesh, and a policy that denies it and then allows it again')
    const url = `http://${db}:8080/`
    await until(async () => (await fetchPage(stage, url)).code === 0, 'the page of db-01')
    await fetchShown(stage, url)
    await changePolicy(stage, url)
  } finally {
    await kill(server)
  }
}

async function changePolicy(stage: MeshStage, url: string): Promise<void> {
  const before = await stage.plexctl(['policy', 'show', 'allow-all'])
  const [denying, allowing] = ['deny.yaml', 'allow.yaml'].map((name) => join(stage.folder, name))
  if (!denying || !allowing) throw new Error('no names')
  await writeFile(allowing, before.stdout)
  await writeFile(denying, denyHttp)
  show(['cat', denying])
  printText(denyHttp)
  await plexctl(stage, 'policy', 'put', denying)
  await until(async () => (await fetchPage(stage, url)).code !== 0, 'the policy')
  await fetchShown(stage, url)
  say('The ping passes still, for the rule is about one port:')
  await on(stage, 'web-01', 'ping', '-n', '-q', '-c', '1', new URL(url).hostname)
  say('And as it was before:')
  await plexctl(stage, 'policy', 'put', allowing)
  await until(async () => (await fetchPage(stage, url)).code === 0, 'the policy')
  await fetchShown(stage, url)
}

const denyHttp = `name: allow-all
rules:
  - from: role=web
    to: "*"
    port: 8080
    protocol: tcp
    action: deny
  - from: "*"
    to: "*"
    action: allow
`

/** A node is removed, and no other receives its packets any more. */
export async function showLeaving(stage: MeshStage): Promise<void> {
  chapter('A node leaves: its peers forget it at once')
  const gone = stage.member('web-02').meshIp
  const command = ['ping', '-n', '-q', '-c', '1', '-W', '1', gone]
  await on(stage, 'web-01', ...command)
  await plexctl(stage, 'node', 'remove', 'web-02', '--yes')
  await connected(stage, 'web-01', 1)
  show(command, 'web-01')
  const { code, stdout } = await stage.on('web-01', ...command)
  if (code === 0) throw new Error('web-02 still answers')
  printText(stdout)
  await plexd(stage, 'web-01', 'peers')
}

/** Until it is connected to `count` peers and has no others. */
function connected(stage: MeshStage, hostname: string, count: number): Promise<void> {
  return until(async () => {
    const peers = await stage.member(hostname).peers()
    const others = peers.map(({ mesh_ip }) => stage.on(hostname, 'ping', '-c1', '-W1', mesh_ip))
    await Promise.all(others)
    return peers.length === count && peers.every(({ state }) => state === 'connected')
  }, `the peers of ${hostname}`)
}

function serveHttp(stage: MeshStage, hostname: string): ChildProcess {
  const { host, meshIp } = stage.member(hostname)
  const answer = `response.end("the page of ${hostname}\\n")`
  const script = `require("node:http").createServer((_, response) => ${answer}).listen(8080, "${meshIp}")`
  return host.spawn([process.execPath, '-e', script])
}

const fetchPage = (stage: MeshStage, url: string) => stage.on('web-01', ...curl, url)
const curl = ['curl', '-sS', '--max-time', '1']

async function fetchShown(stage: MeshStage, url: string): Promise<void> {
  show([...curl, url], 'web-01')
  const { stdout, stderr } = await fetchPage(stage, url)
  printText(stdout + stderr)
}

async function on(stage: MeshStage, hostname: string, ...command: string[]): Promise<void> {
  show(command, hostname)
  print(await stage.on(hostname, ...command))
}

async function plexd(stage: MeshStage, hostname: string, ...args: string[]): Promise<void> {
  show(['plexd', ...args], hostname)
  print(await stage.plexd(hostname, args))
}
