import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { constants } from 'node:os'
import { after, before, describe, it } from 'node:test'
import { createClient, localApi } from '@plexd/protocol'
import { createUnixTransport } from '@plexd/runtime'
import { until } from '@plexd/runtime/testing'
import type { AgentProcess } from '../../scripts/programs/agent.ts'
import { commandOf } from '../../scripts/programs/program.ts'
import { createRandom } from '../support/random.ts'
import { type System, startSystem } from '../support/system.ts'

const ending = ['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGXCPU'] as const

/** The program is gone before it could say a word: faults of its own, and the realtime signals, which Node cannot hear. */
const faults = ['SIGILL', 'SIGTRAP', 'SIGABRT', 'SIGBUS', 'SIGFPE', 'SIGSEGV', 'SIGSYS'] as const
const realtime = Array.from({ length: 31 }, (_, index) => 34 + index)

/** One is drawn; PLEXD_SIGNALS=all sends each. */
const seed = Date.now() % 1e6
const random = createRandom(seed)
const deadly: (number | NodeJS.Signals)[] =
  process.env.PLEXD_SIGNALS === 'all'
    ? [...faults, ...realtime]
    : [random.pick([faults[0], ...faults.slice(1), ...realtime])]

const known = Object.keys(constants.signals) as NodeJS.Signals[] // it has the names of this system
const harmless = known.filter(
  (name) =>
    !([...ending, ...faults, 'SIGKILL', 'SIGSTOP', 'SIGIOT', 'SIGUNUSED'] as string[]).includes(
      name,
    ),
)

describe(`signals, drawn with ${seed}`, () => {
  let system: System
  let agent: AgentProcess
  before(async () => {
    system = await startSystem()
    agent = await system.startAgent('web-01')
  })
  after(async () => {
    await agent?.[Symbol.asyncDispose]()
    await system?.[Symbol.asyncDispose]()
  })

  const askAgent = () => createClient(localApi, createUnixTransport(agent.socket)).getStatus({})
  const askControlPlane = () => system.admin.listNodes({ query: {} })

  it('do nothing to an agent that it has no use for', async () => {
    await survives(agent.program().child, askAgent)
  })

  it('do nothing to a control plane that it has no use for', async () => {
    await survives(system.controlPlane.program().child, askControlPlane)
  })

  // SIGTERM and SIGINT end programs in most other tests.
  for (const signal of ['SIGQUIT', 'SIGXCPU'] as const) {
    it(`ends an agent and a control plane in order: ${signal}`, async () => {
      await Promise.all([agent.end(signal), system.controlPlane.end(signal)])

      assert.equal(agent.program().child.exitCode, 0)
      assert.equal(system.controlPlane.program().child.exitCode, 0)
      await startAgain()
    })
  }

  for (const signal of deadly) {
    it(`kills them like a fault does, and they start again: ${signal}`, async () => {
      for (const { child } of [agent.program(), system.controlPlane.program()]) {
        const ended = once(child, 'exit')
        process.kill(child.pid ?? 0, signal)
        await ended
      }
      await startAgain()
    })
  }

  async function startAgain(): Promise<void> {
    await system.controlPlane.start()
    await agent.start()
    await askControlPlane()
  }

  it('opens no debugger in plexctl either, though no flag forbids it', async () => {
    const body = { target: { selector: '*' }, content_type: 'text/plain', payload: 'hello' }
    await system.admin.putData({ params: { key: 'motd' }, body })
    const command = commandOf('plexctl', ['event', 'tail', 'web-01', '--after', '0', '--json'])
    const [program = '', ...args] = command.filter((word) => !word.startsWith('--disable'))
    const child = spawn(program, args, {
      env: { ...process.env, ...system.controlPlane.environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let printed = ''
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk) => (printed += chunk))
    await until('it tells what happened', () => printed.includes('motd'))

    child.kill('SIGUSR1')
    await isRead(child, 'SIGUSR1')

    assert.deepEqual(listeningPorts(child), [])
    assert.doesNotMatch(printed, /Debugger/)
    const ended = once(child, 'exit')
    child.kill()
    await ended
  })
})

async function survives(child: ChildProcess, ask: () => Promise<unknown>): Promise<void> {
  const portsBefore = listeningPorts(child)
  for (const name of harmless) {
    child.kill(name)
    await isRead(child, name)
  }
  // Some of them stop a program, as Ctrl-Z does.
  child.kill('SIGCONT')
  await ask()

  assert.equal(child.exitCode, null)
  assert.equal(child.signalCode, null)
  assert.deepEqual(listeningPorts(child), portsBefore)
}

/** Resolves when none of that kind waits for the process, unless it keeps them waiting for ever. */
function isRead(child: ChildProcess, name: NodeJS.Signals): Promise<unknown> {
  const isIn = (field: string): boolean => signalSet(child, field).has(constants.signals[name])
  return until(`${name} is taken`, () => isIn('SigBlk') || !isIn('ShdPnd'))
}

function signalSet(child: ChildProcess, field: string): Set<number> {
  const status = readFileSync(`/proc/${child.pid}/status`, 'utf8')
  const [, hex = '0'] = new RegExp(`^${field}:\\s*([0-9a-f]+)$`, 'm').exec(status) ?? []
  const mask = BigInt(`0x${hex}`)
  return new Set(
    Array.from({ length: 64 }, (_, bit) => bit + 1).filter((n) => (mask >> BigInt(n - 1)) & 1n),
  )
}

/** Of the TCP sockets of the process that listen, their addresses as the kernel writes them. */
function listeningPorts({ pid }: ChildProcess): string[] {
  const own = new Set(readdirSync(`/proc/${pid}/fd`).map((fd) => targetOf(`/proc/${pid}/fd/${fd}`)))
  return ['tcp', 'tcp6']
    .flatMap((family) => readFileSync(`/proc/${pid}/net/${family}`, 'utf8').split('\n').slice(1))
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , , state, , , , , , inode]) => state === '0A' && own.has(`socket:[${inode}]`))
    .map(([, address = '']) => address)
}

function targetOf(link: string): string {
  try {
    return readlinkSync(link)
  } catch {
    return '' // closed meanwhile
  }
}
