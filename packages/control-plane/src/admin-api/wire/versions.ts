import { ApiError, isVersion } from '@plexd/protocol'

/** A version is compared with those that nodes report. Throws an ApiError (400). */
export function checkVersion(version: string): void {
  if (isVersion(version)) return
  throw new ApiError(
    'bad_request',
    `version "${version}": want a version such as 1.5.0 or 1.5.0-rc.1, as "plexd version" prints it`,
  )
}
