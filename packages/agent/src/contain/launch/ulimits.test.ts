import assert from 'node:assert/strict'
import { it } from 'node:test'
import { ulimitsFor } from './ulimits.ts'

const limits = `Limit                     Soft Limit           Hard Limit           Units
Max processes             unlimited            unlimited            processes
Max open files            1024                 20000                files
`

it('tells podman the limits of plexd itself, unless a hook has others', () => {
  assert.deepEqual(ulimitsFor([], limits, '32768\n'), ['nofile=1024:20000', 'nproc=32768:32768'])
  assert.deepEqual(ulimitsFor(['--data=5', '--nproc=9'], limits, '32768\n'), [
    'data=5:5',
    'nproc=9:9',
    'nofile=1024:20000',
  ])
})
