/** Taken here: who loads at the same time would keep the silence of the other for it. */
const { emitWarning } = process

/**
 * Node's access to the C library. Importing it prints a warning for every user of the daemon to see, of which none can
 * do anything; so it is kept quiet. Rejects where Node was built or started without it.
 */
export async function importFfi(): Promise<typeof import('node:ffi')> {
  process.emitWarning = () => {}
  try {
    return await import('node:ffi')
  } finally {
    process.emitWarning = emitWarning
  }
}
