import type { RunningApp } from '../app.ts'
import { shareAuthority } from '../installation/share-authority.ts'
import { warnOfHostnames } from '../nodes/hostname.ts'
import { warnOfUnconfirmed } from '../nodes/unconfirmed-list.ts'
import { forgetRotations } from '../rotation/key-request.ts'
import { forgetHalfWritten } from '../runs/drive.ts'

/** What is done before the first request: forgets what an end left half done, and tells the log what the operator has to look at. */
export async function settleApp(app: RunningApp): Promise<void> {
  warnOfHostnames(app.fleet, app.log)
  await forgetRotations(app)
  await forgetHalfWritten(app)
  await warnOfUnconfirmed({ reader: app.store.reader, fleet: app.fleet }, app.log)
  await shareAuthority(app)
}
