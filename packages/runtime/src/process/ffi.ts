/** Read at import: with two concurrent loads, the second would save the silenced function as the original. */
const { emitWarning } = process

/**
 * Node's access to the C library. Importing it prints an experimental warning that users of the daemon can do nothing
 * about, so it is suppressed. Rejects if Node was built or started without FFI.
 */
export async function importFfi(): Promise<typeof import('node:ffi')> {
  process.emitWarning = () => {}
  try {
    return await import('node:ffi')
  } finally {
    process.emitWarning = emitWarning
  }
}
