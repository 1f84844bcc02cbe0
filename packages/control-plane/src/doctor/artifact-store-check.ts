import { type Check, type Finding, failed, ok } from '@plexd/runtime'
import { bucketPlace, nameOfBucket } from '../config/settings/artifacts.ts'
import type { Place } from './place.ts'

export const artifactStoreCheck: Check<Place> = { name: 'artifacts', run: checkStore }

/** With the credentials of whoever runs the doctor, which has to be given those of the control plane. */
async function checkStore({ config }: Place): Promise<Finding> {
  if (config.artifactStore === undefined) return ok('they are where the state is')
  const place = bucketPlace(config.artifactStore)
  const name = nameOfBucket(place)
  const { examineBucket } = await import('../artifacts/s3/examine.ts')
  const fault = await examineBucket(place)
  if (!fault) return ok(`"${name}" answers`)
  return failed(`"${name}": ${fault.why}`, fault.remedy)
}
