import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { settings } from '../settings.ts'
import { bucketPlace, nameOfBucket } from './artifacts.ts'

const read = (text: string) => bucketPlace(settings.artifactStore.from(text) ?? '')
const none = { prefix: '', endpoint: undefined, region: undefined, caFile: undefined }

describe('the setting artifact_store', () => {
  it('names a bucket, a prefix and a way to it', () => {
    assert.equal(settings.artifactStore.from(undefined), undefined)
    assert.deepEqual(read('s3://b-1.x?region=eu-central-1'), {
      ...{ ...none, bucket: 'b-1.x', region: 'eu-central-1', pathStyle: false },
    })
    const own = 's3://files/plexd/own/?endpoint=https://s3.example.com:9000&ca-file=/etc/ca.pem'
    assert.deepEqual(read(own), {
      ...{ bucket: 'files', prefix: 'plexd/own/', endpoint: 'https://s3.example.com:9000' },
      ...{ region: undefined, pathStyle: true, caFile: '/etc/ca.pem' },
    })
    assert.equal(nameOfBucket(read(own)), 's3://files/plexd/own')
    assert.equal(read('s3://b00?endpoint=http://127.0.0.1:1&path-style=false').pathStyle, false)
  })

  for (const [title, text, why] of [
    ['another kind of URL', 'https://s3.example.com/b', /: want a URL, as in s3:/],
    ['no URL', 'bucket canary', /artifact_store: want a URL/],
    ['credentials', 's3://id:canary@files/p', / "s3:\/\/files\/p": leave the credentials out: /],
    ['an id alone', 's3://canary@files', / "s3:\/\/files": leave the credentials out: /],
    ['a port', 's3://files:9000/p', /its server as the parameter "endpoint"/],
    ['no bucket', 's3:///p', /want a bucket/],
    ['a prefix that has to be escaped', 's3://files/a%20b', /a prefix has letters/],
    ['an unknown parameter', 's3://files?key=canary', /"key": want one of endpoint, region, /],
    ['a parameter twice', 's3://files?region=a&region=b', /"region": .*each once/],
    ['plain HTTP to another machine', 's3://files?endpoint=http://minio:9000', /over TLS, unless/],
    ['a path behind the server', 's3://files?endpoint=https://x/b', /without user and path/],
    ['a user of the server', 's3://files?endpoint=https://u:canary@x', /without user and path/],
    ['a style that is none', 's3://files?path-style=yes', /want true or false/],
    ['a region that is none', 's3://files?region=', /want the name of a region/],
  ] as const)
    it(`refuses ${title}, and repeats no secret`, () =>
      assert.throws(
        () => read(text),
        ({ message }: Error) => why.test(message) && !message.includes('canary'),
      ))
})
