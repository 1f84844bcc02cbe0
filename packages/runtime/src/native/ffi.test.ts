import assert from 'node:assert/strict'
import { it } from 'node:test'
import { importFfi } from './ffi.ts'

it('keeps no warning of others quiet, however many load it at the same time', async () => {
  const { emitWarning } = process
  await Promise.allSettled([importFfi(), importFfi(), importFfi()])
  assert.equal(process.emitWarning, emitWarning)
})
