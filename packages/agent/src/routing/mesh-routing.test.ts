import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Exec, ExecError } from '@plexd/runtime'
import { createMeshRouting } from './mesh-routing.ts'
import type { PlannedPlace } from './range-faults.ts'

const nothing = '[]\n[]\n'
const allThere = `${JSON.stringify([
  { priority: 40, not: null, src: 'all', fwmark: '0xe4', fwmask: '0xffff', table: '8293' },
])}\n${JSON.stringify([{ type: 'unreachable', dst: '10.100.0.0/16', table: '8293', flags: [] }])}\n`
const refused = `[]\n${JSON.stringify([{ dst: '10.0.0.0/8', dev: 'eth0', flags: [] }])}\n`
const made = [
  'route replace unreachable 10.100.0.0/16 metric 1000 table 8293',
  'rule add not fwmark 0xe4/0xffff lookup 8293 priority 40',
]

describe('createMeshRouting', () => {
  it('creates what is missing, and then checks again only when told to', async () => {
    const { routing, machine } = setUp(nothing)
    assert.equal((await routing.prepare()).repaired.length, 2)
    assert.deepEqual(machine.written, made)

    machine.shows = allThere
    assert.equal((await routing.prepare()).isFresh, false)
    assert.equal((await routing.prepare({ look: true })).isFresh, true)
    routing.forget()
    const verdict = { ranges: ['10.100.0.0/16'], warnings: [] }
    assert.deepEqual(await routing.prepare(), { verdict, isFresh: true, repaired: [] })
    assert.deepEqual(routing.ranges(), verdict.ranges)
    assert.deepEqual(machine.written, made)
  })

  it('checks again if something changed during the check', async () => {
    const { routing, machine } = setUp(allThere)
    machine.during = routing.forget
    await routing.prepare()
    machine.during = () => {}
    assert.equal((await routing.prepare()).isFresh, true)
    assert.equal((await routing.prepare()).isFresh, false)
  })

  it('sets nothing while the mesh is refused, and keeps checking', async () => {
    const { routing, machine } = setUp(refused)
    assert.match((await routing.prepare()).verdict.refusal ?? '', /10\.0\.0\.0\/8/)
    assert.equal(routing.ranges(), undefined)
    assert.deepEqual(machine.written, [])

    machine.shows = nothing
    assert.equal((await routing.prepare()).verdict.refusal, undefined)
    assert.deepEqual(machine.written, made)
  })

  it('reports what cannot be set, and tries again', async () => {
    const { routing, machine } = setUp(nothing)
    machine.refuses = true
    assert.match((await routing.prepare()).failure ?? '', /Operation not supported/)
    machine.refuses = false
    assert.equal((await routing.prepare()).repaired.length, 2)
  })

  it('reports what was set, along with what cannot be', async () => {
    const { routing, machine } = setUp(nothing)
    machine.refusesLine = 2
    const { repaired, failure = '' } = await routing.prepare()
    assert.equal(repaired.length, 1)
    assert.match(repaired.join(), /unreachable/)
    assert.match(failure, /Operation not supported/)
  })

  it('adds the route around the mesh to the control plane when its address becomes known or changes', async () => {
    const { routing, machine, known } = setUp(allThere)
    await routing.prepare()
    known.addresses = ['10.100.9.9']
    await routing.prepare()
    assert.deepEqual(machine.written, ['route replace throw 10.100.9.9 table 8293'])
  })

  it('reports a wrong route to a peer, but only in the status of the peer if its range is left out', async () => {
    const { routing, machine, place } = setUp(allThere)
    place.pinned = ['10.100.0.0/16']
    place.meshRanges = ['10.100.0.0/16', '10.101.0.0/16']
    await routing.prepare()
    machine.shows = '[{"dst":"10.100.0.2","dev":"eth0"}]\n[{"dst":"10.101.0.2","dev":"eth0"}]\n'
    const wrong = await routing.check([
      { id: 'n_db', mesh_ip: '10.100.0.2', endpoint: '' },
      { id: 'n_new', mesh_ip: '10.101.0.2', endpoint: '' },
    ])
    assert.match(wrong.join('|'), /^[^|]*n_db, 10\.100\.0\.2, leave by eth0[^|]*$/)
    assert.match(routing.astray().get('n_new') ?? '', /^its range, 10\.101\.0\.0\/16, is left out/)
  })

  it('cuts the address of a peer out of other routes as soon as it is known', async () => {
    const [rules = '', routes = ''] = allThere.split('\n')
    const toMain = { priority: 32_766, src: 'all', table: 'main' }
    const lan = { dst: '10.100.7.0/30', dev: 'eth0', flags: [] }
    const shows = [
      [...JSON.parse(rules), toMain],
      [...JSON.parse(routes), lan],
    ]
    const { routing, machine, peers, known } = setUp(
      shows.map((one) => JSON.stringify(one)).join('\n'),
    )
    known.addresses = []
    await routing.prepare()
    assert.deepEqual(routing.exceptions(), ['10.100.7.0/30'])
    peers.push({ mesh_ip: '10.100.9.9' })
    assert.equal((await routing.prepare()).isFresh, false)

    peers.push({ mesh_ip: '10.100.7.1' })
    assert.equal((await routing.prepare()).isFresh, true)
    assert.deepEqual(routing.exceptions(), ['10.100.7.0', '10.100.7.2/31'])
    assert.deepEqual(machine.written.slice(1), [
      'route replace throw 10.100.7.0 table 8293',
      'route replace throw 10.100.7.2/31 table 8293',
    ])
  })

  it('reads rules and routes anew only when the kernel has others, and asks for the ways of peers only then', async () => {
    const { routing, machine, known } = setUp('[]\n[]')
    known.addresses = []
    const peer = { id: 'n_db', mesh_ip: '10.100.0.2', endpoint: '' }
    async function look(): Promise<number> {
      const before = machine.asked
      assert.equal((await routing.prepare({ look: true })).isFresh, true)
      await routing.check([peer])
      return machine.asked - before
    }
    assert.deepEqual([await look(), await look()], [2, 2]) // unknown
    machine.print = 'rule and table of the mesh'
    assert.deepEqual([await look(), await look()], [2, 0])
    machine.print = 'the same, and those of another program'
    assert.deepEqual([await look(), await look()], [2, 0])
    const before = machine.asked
    await routing.check([peer, { ...peer, id: 'n_web', mesh_ip: '10.100.0.3' }])
    assert.equal(machine.asked - before, 1)
  })
})

/** A machine whose `ip` prints what is said here. */
function setUp(shows: string) {
  const machine = {
    shows,
    written: [] as string[],
    refuses: false,
    refusesLine: 0,
    /** What tells rules and routes from others; undefined if that is unknown. */
    print: undefined as string | undefined,
    /** How often `ip` was asked. */
    asked: 0,
    during: () => {},
  }
  const known: { addresses: string[] | undefined } = { addresses: undefined }
  const exec: Exec = async (command, { input = '' } = {}) => {
    machine.during()
    if (command.includes('-json')) {
      machine.asked++
      return machine.shows
    }
    if (machine.refuses)
      throw new ExecError('run "ip": exit code 1: RTNETLINK answers: Operation not supported')
    const lines = input.split('\n').filter(Boolean)
    machine.written.push(...lines)
    if (machine.refusesLine === 0) return ''
    const stderr = `RTNETLINK answers: Operation not supported\nCommand failed -:${machine.refusesLine}`
    throw new ExecError(`run "ip": exit code 1: ${stderr}`, { exitCode: 1, stderr })
  }
  const place: { -readonly [K in keyof PlannedPlace]: PlannedPlace[K] } = {
    meshIp: '10.100.0.1',
    meshRanges: ['10.100.0.0/16'],
    pinned: undefined,
    interfaceName: 'plexd0',
  }
  const controlAddresses = () => known.addresses
  const peers: { mesh_ip: string }[] = []
  const routing = createMeshRouting({
    place: () => place,
    controlAddresses,
    peers: () => peers,
    exec,
    print: () => machine.print,
  })
  return { routing, machine, known, place, peers }
}
