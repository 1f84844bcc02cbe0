import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createLab, type Host, type Lab, type Router } from '../laboratory/lab.ts'
import { type MeshMember, startMeshSystem, variablesOf } from '../programs/mesh-system.ts'
import { commandOf, type Output, runToEnd } from '../programs/program.ts'
import type { Stage } from './stage.ts'

/** A stage on which each node is a host with its own network, with a mesh between them. */
export interface MeshStage extends Stage {
  /** Throws until the node has enrolled. */
  member(hostname: string): MeshMember
  /** Runs a command on the node, to its end. */
  on(hostname: string, ...command: string[]): Promise<Output>
}

/** In network namespaces, as root. The web nodes are behind the router of one office, the database behind another's. */
export async function startMeshStage(): Promise<MeshStage> {
  await using stack = new AsyncDisposableStack()
  const lab = stack.use(await createLab())
  const office = await lab.router('office', 'port_restricted')
  const site = await lab.router('site', 'port_restricted')
  const system = stack.use(await startMeshSystem(lab))
  const { controlPlane } = system
  const members = new Map<string, MeshMember>()
  const on = (host: Host, command: readonly string[], stdin?: string): Promise<Output> => {
    const [program = '', ...args] = [...host.prefix, ...command]
    return runToEnd(program, args, controlPlane.environment, stdin)
  }
  const member = (hostname: string): MeshMember => {
    const found = members.get(hostname)
    if (!found) throw new Error(`no node "${hostname}" is on stage`)
    return found
  }

  const typed = join(lab.folder, 'on')
  const bin = join(lab.folder, 'bin')
  await writeCommands(bin)
  const writeTyped = async (): Promise<void> => {
    const control = { name: 'control', host: system.host, variables: {} }
    const nodes = [...members.values()].map(({ name, host, agent }) => ({
      name,
      host,
      variables: variablesOf(agent, controlPlane),
    }))
    const { environment } = controlPlane
    await writeProgram(typed, typedProgram([control, ...nodes], { bin, environment }))
  }

  const opened = stack.move()
  return {
    folder: lab.folder,
    serverUrl: controlPlane.url,
    socketOf: (hostname) => member(hostname).agent.socket,
    async startAgent(hostname) {
      const host = await hostOf(hostname, { lab, office, site })
      members.set(hostname, await system.join(hostname, host))
      await writeTyped()
    },
    plexctl: (args, stdin) => on(system.host, commandOf('plexctl', args), stdin),
    plexd(hostname, args) {
      const { host, agent } = member(hostname)
      const variables = Object.entries(variablesOf(agent, controlPlane))
      const setting = ['env', ...variables.map((pair) => pair.join('='))]
      return on(host, [...setting, ...commandOf('plexd', args)])
    },
    member,
    on: (hostname, ...command) => on(member(hostname).host, command),
    invitation: `In another terminal, run what you like on a node, or on the host of the control plane:

  ${typed} web-01 plexd peers
  ${typed} web-01 ping ${members.get('db-01')?.meshIp ?? '10.100.0.1'}
  ${typed} control plexctl policy show allow-all
  ${typed} db-01 nft list table inet plexd
  ${typed} web-01 bash`,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

function hostOf(
  hostname: string,
  { lab, office, site }: { lab: Lab; office: Router; site: Router },
): Promise<Host> {
  return lab.host(hostname, { behind: hostname.startsWith('db') ? site : office })
}

/** A folder to put into PATH. */
async function writeCommands(folder: string): Promise<void> {
  await mkdir(folder)
  for (const name of ['plexd', 'plexctl'] as const) {
    await writeProgram(
      join(folder, name),
      `#!/bin/sh\nexec ${commandOf(name, []).join(' ')} "$@"\n`,
    )
  }
}

interface TypedHost {
  name: string
  host: Host
  variables: Readonly<Record<string, string>>
}

/** `on HOST COMMAND...`, in which plexd and plexctl need no flags. */
function typedProgram(
  hosts: readonly TypedHost[],
  { bin, environment }: { bin: string; environment: Readonly<Record<string, string>> },
): string {
  const names = hosts.map(({ name }) => name).join('|')
  const cases = hosts.map(({ name, host, variables }) => {
    const setting = exportsOf({ ...environment, ...variables })
    return `  ${name}) ${setting}; exec ${host.prefix.map(quote).join(' ')} "$@" ;;\n`
  })
  return `#!/bin/sh
name=$1
[ $# -gt 1 ] || { echo "usage: $0 ${names} COMMAND..." >&2; exit 2; }
shift
PATH=${bin}:$PATH
case $name in
${cases.join('')}  *) echo "no host \\"$name\\": there are ${names}" >&2; exit 2 ;;
esac
`
}

function exportsOf(variables: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(variables).map(([name, value]) => `${name}=${quote(value)}`)
  return `export ${pairs.join(' ')}`
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}

async function writeProgram(path: string, text: string): Promise<void> {
  await writeFile(path, text)
  await chmod(path, 0o755)
}
