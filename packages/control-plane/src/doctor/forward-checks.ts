import { type Check, describeError, type Finding, failed, ok, warning } from '@plexd/runtime'
import { readHeaders } from '../forward/target.ts'
import { type Place, readRow } from './place.ts'

/** Whether telemetry reaches where it is passed on to, as the control plane saw it last. */
export const forwardChecks: readonly Check<Place>[] = [{ name: 'forwards', run: checkForwards }]

async function checkForwards(place: Place): Promise<Finding> {
  const { forwards } = place.config
  if (forwards.length === 0) return ok('none are set up')
  for (const forward of forwards)
    try {
      readHeaders(forward)
    } catch (error) {
      return failed(
        describeError(error),
        'give the user of the control plane that file, for itself alone',
      )
    }
  const failing = await readRow(
    place,
    'select name, kind, error from forwards where error is not null order by error_at desc limit 1',
  )
  if (failing)
    return warning(
      `"${failing.name}" does not take all ${failing.kind}: ${failing.error}`,
      'see whether its url and headers are right: plexctl forwards list',
    )
  return ok(`${forwards.length} take what they are sent`)
}
