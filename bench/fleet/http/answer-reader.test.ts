import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { AnswerReader } from './answer-reader.ts'

const stream =
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n7\r\n, world\r\n0\r\n\r\n' +
  'HTTP/1.1 304 Not Modified\r\netag: "a-1"\r\n\r\n' +
  'HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}'

describe('AnswerReader', () => {
  for (const size of [1, 2, 7, 40, 1_000])
    it(`reads chunks, lengths and answers without a body from pieces of ${size} bytes`, () => {
      const answers = read(stream, size)
      assert.deepEqual(answers, [
        { status: 200, etag: undefined, body: 'hello, world', ended: true },
        { status: 304, etag: '"a-1"', body: '', ended: true },
        { status: 201, etag: undefined, body: '{}', ended: true },
      ])
    })

  it('refuses what is no HTTP', () => {
    assert.throws(() => read('SSH-2.0-OpenSSH\r\n\r\n', 100), /is no HTTP/)
  })
})

function read(text: string, size: number) {
  const answers: { status: number; etag: string | undefined; body: string; ended: boolean }[] = []
  const last = () => answers.at(-1) ?? { body: '', ended: false }
  const reader = new AnswerReader({
    head: (status, header) =>
      answers.push({ status, etag: header('etag'), body: '', ended: false }),
    body: (bytes) => {
      last().body += bytes.toString()
    },
    end: () => {
      last().ended = true
    },
  })
  for (let at = 0; at < text.length; at += size) reader.push(Buffer.from(text.slice(at, at + size)))
  return answers
}
