import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { systemRemedy } from './system-remedy.ts'

describe('systemRemedy', () => {
  const wrapped = (code: string): Error =>
    new Error('read it', { cause: Object.assign(new Error(code), { code }) })

  it('says what has to change, and never that root could do it where he could not', () => {
    for (const [code, remedy] of [
      ['EISDIR', /folder .* move it away/],
      ['ENOTDIR', /file .* move it away/],
      ['EMFILE', /ulimit -n.*LimitNOFILE/],
      ['ENFILE', /fs\.file-max/],
      ['ENOSPC', /^make room$/],
      ['EROFS', /^mount it for writing$/],
      ['EACCES', /^run this as root$/],
    ] as const)
      assert.match(systemRemedy(wrapped(code), 'run this as root'), remedy, code)
    assert.equal(systemRemedy(undefined, 'run this as root'), 'run this as root')
  })
})
