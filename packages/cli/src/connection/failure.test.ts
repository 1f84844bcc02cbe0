import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ApiError } from '@plexd/protocol'
import { CliError } from '@plexd/runtime'
import { explainFailure, explainRefusal } from './failure.ts'

const target = { server: 'https://cp.example', tokenFile: '/token', caFile: '/ca.crt' }
const nodeError = (code: string, message = code) => Object.assign(new Error(message), { code })

describe('explainFailure', () => {
  const reasons: [code: string, reason: RegExp][] = [
    ['ECONNREFUSED', /connection refused: is it running/],
    ['ENOTFOUND', /its name does not resolve/],
    ['CERT_HAS_EXPIRED', /its certificate has expired/],
    ['ERR_SSL_WRONG_VERSION_NUMBER', /is it an http:\/\/ server\?/],
    [
      'SELF_SIGNED_CERT_IN_CHAIN',
      /not signed by the authority in "\/ca\.crt": use the ca\.crt of its data directory/,
    ],
  ]
  for (const [code, reason] of reasons) {
    it(`says what ${code} means, with the exit code for an absent control plane`, () => {
      const error = explainFailure(nodeError(code), target)

      assert.match(error.message, /^cannot reach the control plane at "https:\/\/cp\.example": /)
      assert.match(error.message, reason)
      assert.equal(error.exitCode, 5)
    })
  }

  it('asks for --ca-file where none was given', () => {
    const error = explainFailure(nodeError('UNABLE_TO_VERIFY_LEAF_SIGNATURE'), {
      server: target.server,
      tokenFile: target.tokenFile,
    })

    assert.match(error.message, /this machine does not trust: pass --ca-file with the ca\.crt/)
  })

  it('sees a timeout behind an abort', () => {
    const timeout = new DOMException('The operation was aborted due to timeout', 'TimeoutError')
    const abort = Object.assign(new Error('aborted', { cause: timeout }), { name: 'AbortError' })

    assert.match(explainFailure(abort, target).message, /: no answer in time$/)
  })

  it('shows the reason of an error that it does not know', () => {
    assert.match(explainFailure(nodeError('EWHATEVER', 'odd'), target).message, /: odd$/)
  })

  it('names the token file when the token is refused', () => {
    const error = explainRefusal(new ApiError('unauthorized', 'unauthorized'), target)

    assert.equal(
      error.message,
      'the control plane at "https://cp.example" refused the token in "/token": unauthorized',
    )
    assert.ok(error instanceof CliError && error.exitCode === 4)
  })

  it('says that the address has a path, where nothing answers under that', () => {
    const refused = (server: string, message: string, details = {}) =>
      explainRefusal(new ApiError('not_found', message, { details }), { ...target, server })
    for (const [message, details] of [
      ['not found', { code: 'not_found' }],
      ['the server answered 404', {}],
    ] as const) {
      const error = refused('https://cp.example:8443/plexd/', message, details)
      assert.equal(
        error.message,
        `"https://cp.example:8443/plexd/" answered "${message}": the address of the control plane has a path, "/plexd": use --server https://cp.example:8443`,
      )
      assert.ok(error instanceof CliError && error.exitCode === 2)
    }
    // What a control plane behind such a path says of what it does not have is as good as ever.
    const message = 'there is no node "web"'
    assert.equal(
      refused('https://cp.example/plexd', message, { code: 'not_found' }).message,
      message,
    )
  })

  it('says that the control plane may be of an earlier build, where it has no such path', () => {
    for (const server of ['https://cp.example/', 'unix:///run/admin.sock']) {
      const unknown = new ApiError('not_found', 'not found', { details: { code: 'not_found' } })
      const error = explainRefusal(unknown, { ...target, server })
      assert.match(error.message, /does not know what was asked for: it may be of an earlier build/)
      assert.ok(error instanceof CliError && error.exitCode === 3)
    }
  })
})
