import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { toolPath } from './tools.ts'

describe('toolPath', () => {
  it('has the tools of the network behind what PATH names', () => {
    assert.equal(toolPath('/opt/bin:/sbin'), '/opt/bin:/sbin:/usr/sbin')
  })

  it('has nothing of PATH that depends on where plexd was started', () => {
    assert.equal(toolPath('/opt/bin::.:bin:'), '/opt/bin:/usr/sbin:/sbin')
  })

  it('is that of any system where PATH names nothing', () => {
    for (const path of ['', ':', '.'])
      assert.equal(toolPath(path), '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin')
  })
})
