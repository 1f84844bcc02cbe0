import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { controlApi } from '@plexd/protocol'
import type { RawRequest } from '../../support/system.ts'
import type { ContractCase, Stage } from '../contract-case.ts'

const binary = Buffer.from('#!/bin/sh\necho plexd 1.5.0\n'.repeat(1_000))
const target = { version: '1.5.0', os: 'linux', arch: 'amd64' }
const sha256 = createHash('sha256').update(binary).digest('hex')

async function uploaded({ system }: Stage): Promise<void> {
  const { body } = await system.admin.listArtifacts({})
  if (body.items.length === 0)
    await system.admin.putArtifact({ params: target, body: new Uint8Array(binary) })
}

const download =
  (request: RawRequest = {}): ContractCase['answer'] =>
  async (stage) => {
    await uploaded(stage)
    return stage.web.call(controlApi.downloadArtifact, { params: target, ...request })
  }

export const downloadArtifactCases: ContractCase[] = [
  {
    status: 200,
    when: 'with the binary as it was uploaded, and its checksum',
    answer: download(),
    check({ headers, text }) {
      assert.equal(text, binary.toString())
      assert.equal(headers['content-type'], 'application/octet-stream')
      assert.equal(headers['content-length'], String(binary.length))
      assert.equal(headers['content-encoding'], undefined)
      assert.match(JSON.stringify(headers), new RegExp(sha256))
    },
  },
  {
    status: 206,
    when: 'with a part',
    answer: download({ headers: { range: 'bytes=10-19' } }),
    check({ headers, text }) {
      assert.equal(text, binary.subarray(10, 20).toString())
      assert.equal(headers['content-range'], `bytes 10-19/${binary.length}`)
    },
  },
  {
    status: 304,
    when: 'when the node has it',
    async answer(stage) {
      const { headers } = await download()(stage)
      return download({ headers: { 'if-none-match': headers.etag ?? '' } })(stage)
    },
  },
  {
    status: 400,
    when: 'for a version that climbs out of its folder',
    answer: download({ params: { ...target, version: '../../../etc' } }),
  },
  {
    status: 404,
    when: 'for a version that was never uploaded',
    answer: download({ params: { ...target, version: '9.9.9' } }),
  },
  {
    status: 416,
    when: 'for a part behind the end',
    answer: download({ headers: { range: `bytes=${binary.length}-` } }),
  },
]

const install =
  (version: string, file: string, headers: Record<string, string> = {}): ContractCase['answer'] =>
  async (stage) => {
    await uploaded(stage)
    return stage.system.call(controlApi.downloadInstallFile, { params: { version, file }, headers })
  }

export const downloadInstallFileCases: ContractCase[] = [
  {
    status: 200,
    when: 'with the binary under the name that the install script asks for',
    answer: install('1.5.0', 'plexd-linux-amd64'),
    check: ({ text }) => assert.equal(text, binary.toString()),
  },
  {
    status: 200,
    when: 'with checksums that sha256sum understands',
    answer: install('1.5.0', 'checksums.sha256'),
    check: ({ text }) => assert.match(text, new RegExp(`^${sha256}  plexd-linux-amd64$`, 'm')),
  },
  {
    status: 206,
    when: 'with a part',
    answer: install('1.5.0', 'plexd-linux-amd64', { range: 'bytes=0-3' }),
    check: ({ text }) => assert.equal(text, binary.subarray(0, 4).toString()),
  },
  {
    status: 304,
    when: 'when the caller has it',
    async answer(stage) {
      const { headers } = await install('1.5.0', 'plexd-linux-amd64')(stage)
      return install('1.5.0', 'plexd-linux-amd64', { 'if-none-match': headers.etag ?? '' })(stage)
    },
  },
  {
    status: 400,
    when: 'for a version that climbs out of its folder',
    answer: install('../..', 'plexd-linux-amd64'),
  },
  { status: 404, when: 'for another file', answer: install('1.5.0', 'plexd-plan9-amd64') },
  {
    status: 416,
    when: 'for a part behind the end',
    answer: install('1.5.0', 'plexd-linux-amd64', { range: `bytes=${binary.length}-` }),
  },
]
