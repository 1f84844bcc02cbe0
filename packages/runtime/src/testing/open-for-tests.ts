import { after, before } from 'node:test'

/** Opens it before the first test of the `describe` that calls this, and disposes of it after the last one. The object is empty until then. */
export function openForTests<Thing extends AsyncDisposable>(open: () => Promise<Thing>): Thing {
  const thing = {} as Thing // filled before the first test
  const opened = new AsyncDisposableStack()
  before(async () => {
    Object.assign(thing, opened.use(await open()))
  })
  after(() => opened.disposeAsync())
  return thing
}
