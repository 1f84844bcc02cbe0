import { ApiError, type Metadata } from '@plexd/protocol'

const maxLabels = 256
const maxValueLength = 1_024

/** Throws an ApiError (400) for new labels that no selector could ask for, or that would be too many with the old. */
export function checkLabels(added: Metadata, kept: Metadata = {}): void {
  const labels = Object.entries(added)
  if (Object.keys({ ...kept, ...added }).length > maxLabels)
    throw new ApiError('bad_request', `metadata has more than ${maxLabels} keys`)
  for (const [key, value] of labels) {
    // A name as selectors read it.
    if (!/^[A-Za-z0-9]([A-Za-z0-9._/-]{0,251}[A-Za-z0-9])?$/.test(key))
      throw new ApiError(
        'bad_request',
        `metadata key "${key}": want letters, digits and "._/-", no more than 253`,
      )
    if (value.length > maxValueLength)
      throw new ApiError('bad_request', `metadata "${key}" is longer than ${maxValueLength}`)
  }
}
