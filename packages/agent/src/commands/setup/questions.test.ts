import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { formatJoin } from '@plexd/protocol'
import { type AgentConfig, defaultConfig } from '../../config/agent-config.ts'
import { askConnection, type Person } from './questions.ts'

const config: AgentConfig = {
  ...defaultConfig,
  dataDir: '/nowhere',
  joinFile: '/nowhere/join',
  tokenFile: '/nowhere/token',
}
const ca = `sha256:${'0a'.repeat(32)}`

/** Answers in this order, and has to be asked for all of them. */
function answering(...answers: string[]): Person & { questions: string[] } {
  const questions: string[] = []
  const ask = async (question: string): Promise<string> => {
    questions.push(question)
    return answers[questions.length - 1] ?? assert.fail(`asked once more: ${question}`)
  }
  return { questions, ask, askSecret: ask }
}

describe('the questions of plexd setup', () => {
  it('are one, if there is a join string', async () => {
    const join = formatJoin({ url: 'https://cp.example.com', token: 'plx_enroll_a', ca })
    const person = answering(` ${join} `)

    const { apiUrl, tokenValue, caFingerprint } = await askConnection(config, person)

    assert.deepEqual(
      [apiUrl, tokenValue, caFingerprint],
      ['https://cp.example.com', 'plx_enroll_a', ca],
    )
    assert.equal(person.questions.length, 1)
  })

  it('are address, authority and token otherwise, again after an answer that cannot be', async () => {
    const person = answering(
      '',
      'cp.example.com',
      'https://cp.example.com',
      'x',
      ca,
      'plx_enroll_a',
    )

    const { apiUrl, tokenValue, caFile, caFingerprint } = await askConnection(config, person)

    assert.deepEqual([apiUrl, tokenValue], ['https://cp.example.com', 'plx_enroll_a'])
    assert.deepEqual([caFile, caFingerprint], ['/nowhere/control-plane-ca.crt', ca])
    assert.equal(person.questions.length, 6)
  })

  it('are not asked about what is settled, and end with what was wrong three times', async () => {
    const settled = { ...config, apiUrl: 'https://cp.example.com' }
    assert.equal(
      (await askConnection(settled, answering('plx_enroll_a'))).tokenValue,
      'plx_enroll_a',
    )

    const wrong = answering('', 'a', 'b', 'http://example.com')
    await assert.rejects(askConnection(config, wrong), /"http:\/\/example.com": plain HTTP shows/)
    const damaged = answering('plexd-join-1.abc.00000000')
    await assert.rejects(askConnection(config, damaged), /it is damaged or not whole/)
  })
})
