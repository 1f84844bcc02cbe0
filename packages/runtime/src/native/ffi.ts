type Ffi = typeof import('node:ffi')

/** Read at import, so that no silenced function is ever taken for the original. */
const { emitWarning } = process

/**
 * Node's access to the C library. Loading it prints an experimental warning that users of the daemon can do nothing
 * about, so it is suppressed. Throws if Node was built or started without FFI.
 */
export function loadFfi(): Ffi {
  process.emitWarning = () => {}
  try {
    const ffi = process.getBuiltinModule('node:ffi')
    if (!ffi) throw new Error('load node:ffi: this Node.js was built or started without it')
    return ffi
  } finally {
    process.emitWarning = emitWarning
  }
}

/** The same, for those who start asynchronously anyway. */
export async function importFfi(): Promise<Ffi> {
  return loadFfi()
}
