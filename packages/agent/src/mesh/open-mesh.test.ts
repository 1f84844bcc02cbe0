import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { describe, it } from 'node:test'
import { whyNoNamespaces } from '../testing/namespace.ts'

const skip = process.getuid?.() === 0 ? false : 'a network namespace needs root'

/** In a namespace of its own: there may be a plexd on this machine. */
const script = `
  const { claimMesh } = await import(${JSON.stringify(new URL('./open-mesh.ts', import.meta.url).href)})
  const claim = (meshInterface, policyEnabled = true) => claimMesh({ meshInterface, policyEnabled })
  const refusal = (config) => config.then(() => 'none', ({ message }) => message)
  const first = await claim('mesh0')
  console.log(await refusal(claim('mesh0')))
  console.log(await refusal(claim('mesh1')))
  console.log(await refusal(claim('mesh1', false)))
  await first[Symbol.asyncDispose]()
  console.log(await refusal(claim('mesh0')))
`

/** What is left of the table of an interface, when that of mesh0 is opened without a filter. */
const unfiltered = `
  const { execFileSync } = await import('node:child_process')
  const { openMesh } = await import(${JSON.stringify(new URL('./open-mesh.ts', import.meta.url).href)})
  const nft = (text) => execFileSync('nft', [text], { encoding: 'utf8' })
  const quiet = { debug() {}, info() {}, warn() {}, error() {} }
  const config = { meshInterface: 'mesh0', policyEnabled: false, natEnabled: false }
  for (const name of ['mesh1', 'mesh0']) {
    nft('add table inet plexd; add chain inet plexd input; add rule inet plexd input iifname "' + name + '" drop')
    await using _mesh = await openMesh(config, {}, quiet)
    console.log(JSON.stringify(nft('list tables')))
    nft('flush ruleset')
  }
`

function linesOf(program: string): string[] {
  const ownRun = ['sh', '-c', 'mount -t tmpfs none /run && exec "$0" "$@"']
  const node = [process.execPath, '--input-type=module', '-e', program]
  const command = ['--net', '--mount', '--', ...ownRun, ...node]
  return execFileSync('unshare', command, { encoding: 'utf8' }).trimEnd().split('\n')
}

describe('openMesh', { skip: whyNoNamespaces(['nft']) ?? false }, () => {
  it('takes away the filter of an earlier start where the config wants none, and that of no other interface', () => {
    assert.deepEqual(linesOf(unfiltered), ['"table inet plexd\\n"', '""'])
  })
})

describe('claimMesh', { skip }, () => {
  it('leaves one daemon in a network namespace to drive an interface and the rules', () => {
    const lines = linesOf(script)
    assert.equal(lines.length, 4)
    assert.match(lines[0] ?? '', /^interface "mesh0" belongs to another plexd on this machine: /)
    assert.match(lines[1] ?? '', /^the table "inet plexd" of this network namespace belongs to/)
    assert.deepEqual(lines.slice(2), ['none', 'none'])
  })
})
