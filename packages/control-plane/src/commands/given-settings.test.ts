import assert from 'node:assert/strict'
import { it } from 'node:test'
import { configFileOf } from './given-settings.ts'

it('the file of the packages is read, unless another file or another data folder is named', () => {
  const there = import.meta.filename
  assert.equal(configFileOf({}, {}, there), there)
  assert.equal(configFileOf({ config: 'mine' }, {}, there), 'mine')
  assert.equal(configFileOf({}, { PLEXD_CP_CONFIG: 'mine' }, there), 'mine')
  assert.equal(configFileOf({ dataDir: 'mine' }, {}, there), undefined)
  assert.equal(configFileOf({}, { PLEXD_CP_DATA_DIR: 'mine' }, there), undefined)
  assert.equal(configFileOf({}, {}, `${there}/none`), undefined)
})
