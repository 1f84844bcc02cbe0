import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isError } from '../../testing/is-error.ts'
import { openControlPlane } from '../../testing/open-control-plane.ts'

describe('what would have no effect', () => {
  const plane = openControlPlane()
  const target = { selector: 'env=prod' }
  const put = (key: string, content_type = 'application/json') =>
    plane.admin.putData({ params: { key }, body: { target, content_type, payload: 1 } })
  const putSecret = (key: string, value = 'v') =>
    plane.admin.putSecret({ params: { key }, body: { target, value } })

  it('is refused: an empty secret', async () => {
    await assert.rejects(
      putSecret('k', ''),
      isError(400, 'value: it is empty: want 1 character or more'),
    )
  })

  it('is refused: a content type that is no media type', async () => {
    for (const type of [
      'nonsense',
      '',
      'a/',
      '/b',
      'a/b c',
      'a/b;',
      'a/b; c',
      'text/plain\n',
      'a/b; c="\u0001"',
    ])
      await assert.rejects(
        put('k', type),
        isError(400, /^content_type ".*": .*want a media type/s),
        type,
      )
    for (const type of ['text/plain', 'application/problem+json; v=1', 'a/b;c="d; \\" e" ; f=g'])
      assert.equal((await put('k', type)).body.content_type, type)
  })

  it('is refused: a key that nobody can read on a terminal', async () => {
    for (const key of ['a\nb', '\u0000', '\u001b[31m', 'a\u202eb', 'a\u200bb', '\u2028']) {
      await assert.rejects(put(key), isError(400, /^key ".*": want no line breaks/s))
      await assert.rejects(putSecret(key), isError(400, /^key ".*": want no line breaks/s))
      await assert.rejects(
        plane.admin.createAdminToken({ body: { name: key, role: 'viewer' } }),
        isError(400, /^name ".*": want no line breaks/s),
      )
      // What older versions took can still be deleted.
      await assert.rejects(
        plane.admin.deleteData({ params: { key }, query: target }),
        isError(404, /there is no data entry/),
      )
    }
  })

  it('is refused: the version of a binary that is none', async () => {
    const upload = (version: string) =>
      plane.admin.putArtifact({
        params: { version, os: 'linux', arch: 'amd64' },
        body: Buffer.from('plexd'),
      })
    for (const version of ['abc', '1', '1.5', '1.5.0.1', '01.5.0', '1.5.0-'])
      await assert.rejects(
        upload(version),
        isError(
          400,
          `version "${version}": want a version such as 1.5.0 or 1.5.0-rc.1, as "plexd version" prints it`,
        ),
      )
    for (const version of ['1.5.0', 'v1.5.0', '1.5.0-rc.1', '1.5.0+linux.2'])
      assert.equal((await upload(version)).status, 201)
  })

  it('is refused: a key that no selector can ask for, for nodes to set', async () => {
    for (const key of ['a b', 'ü', '-x', 'a/b/c', 'k'.repeat(64)])
      await assert.rejects(
        plane.admin.createToken({ body: { node_may_set: ['env', key] } }),
        isError(400, /^node_may_set ".*": want /),
      )
  })

  it('is told: a label that was to be removed and is not there', async () => {
    await plane.enrol('web', { metadata: { env: 'prod', region: 'eu' }, reported: { os: 'linux' } })
    const unset = (remove: string[]) =>
      plane.admin.setNodeMetadata({ params: { node: 'web' }, body: { remove } })
    assert.deepEqual((await unset(['evn', 'rack', 'os'])).body.warnings, [
      'the node has no label "evn": it has "env": did you mean that?',
      'the node has no label "rack": it has env, region',
      'the node has no label "os": it is what the node says of itself, which nobody else can change',
    ])
    const many = await unset(Array.from({ length: 100_000 }, (_, index) => `x${index}`))
    assert.equal(many.body.warnings.length, 11)
    assert.match(many.body.warnings.at(-1) ?? '', /99990 more names/)
    const { body } = await unset(['env'])
    assert.deepEqual([body.labels, body.warnings], [{ region: 'eu' }, []])
  })

  it('is one entry and not two: a selector in another spelling', async () => {
    const write = (selector: string, payload: number) =>
      plane.admin.putData({
        params: { key: 'spelt' },
        body: { target: { selector }, content_type: 'application/json', payload },
      })
    await write('tier==db', 1)
    const { body } = await write('tier = db', 2)
    assert.deepEqual(body.target, { selector: 'tier=db' })
    const { items } = (await plane.admin.listData({})).body
    assert.deepEqual(
      items.filter(({ key }) => key === 'spelt').map(({ payload }) => payload),
      [2],
    )
    await plane.admin.deleteData({ params: { key: 'spelt' }, query: { selector: 'tier in (db)' } })
  })

  it('is the same entry: one whose selector an older version kept in another spelling', async () => {
    const params = { key: 'old' }
    const query = { selector: 'env=prod' }
    await put('old')
    await plane.app.store.write((tx) =>
      tx
        .updateTable('data_entries')
        .set({ target: 'selector:env == prod' })
        .where('key', '=', 'old')
        .execute(),
    )
    for (const selector of ['env=prod', 'env == prod'])
      assert.equal((await plane.admin.getData({ params, query: { selector } })).body.payload, 1)
    await plane.admin.deleteData({ params, query })
    await assert.rejects(
      plane.admin.getData({ params, query }),
      isError(404, 'there is no data entry "old" for this target'),
    )
  })
})
