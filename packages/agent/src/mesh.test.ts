import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { describe, it } from 'node:test'

const skip = process.getuid?.() === 0 ? false : 'a network namespace needs root'

/** In a namespace of its own: there may be a plexd on this machine. */
const script = `
  const { claimMesh } = await import(${JSON.stringify(new URL('./mesh.ts', import.meta.url).href)})
  const claim = (meshInterface, policyEnabled = true) => claimMesh({ meshInterface, policyEnabled })
  const refusal = (config) => config.then(() => 'none', ({ message }) => message)
  const first = await claim('mesh0')
  console.log(await refusal(claim('mesh0')))
  console.log(await refusal(claim('mesh1')))
  console.log(await refusal(claim('mesh1', false)))
  await first[Symbol.asyncDispose]()
  console.log(await refusal(claim('mesh0')))
`

describe('claimMesh', { skip }, () => {
  it('leaves one daemon in a network namespace to drive an interface and the rules', () => {
    const command = ['--net', '--', process.execPath, '--input-type=module', '-e', script]
    const lines = execFileSync('unshare', command, { encoding: 'utf8' }).trimEnd().split('\n')
    assert.equal(lines.length, 4)
    assert.match(lines[0] ?? '', /^interface "mesh0" belongs to another plexd on this machine: /)
    assert.match(lines[1] ?? '', /^the table "inet plexd" of this network namespace belongs to/)
    assert.deepEqual(lines.slice(2), ['none', 'none'])
  })
})
