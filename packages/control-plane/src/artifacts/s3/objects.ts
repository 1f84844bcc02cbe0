import type { Bucket } from './bucket.ts'

/** What a store lists. */
export interface Listed {
  key: string
  changedMs: number
}

export interface ListedUpload extends Listed {
  id: string | undefined
}

export async function listObjects({ ask, place }: Bucket, Prefix: string): Promise<Listed[]> {
  const found: Listed[] = []
  for (let token: string | undefined, isMore = true; isMore; ) {
    const page = { Bucket: place.bucket, Prefix, ContinuationToken: token }
    const answer = await ask((client) => client.listObjectsV2(page))
    for (const { Key: key = '', LastModified } of answer.Contents ?? [])
      found.push({ key, changedMs: LastModified?.getTime() ?? Number.POSITIVE_INFINITY })
    token = answer.NextContinuationToken
    isMore = answer.IsTruncated === true && token !== undefined
  }
  return found
}

/** The first thousand: the next ones follow at a later start. */
export async function listUploads({ ask, place }: Bucket, Prefix: string): Promise<ListedUpload[]> {
  const wanted = { Bucket: place.bucket, Prefix }
  const { Uploads = [] } = await ask((client) => client.listMultipartUploads(wanted))
  return Uploads.map(({ Key: key = '', UploadId: id, Initiated }) => ({
    ...{ key, id },
    changedMs: Initiated?.getTime() ?? Number.POSITIVE_INFINITY,
  }))
}

export async function abortUpload(
  { ask, place }: Bucket,
  { key: Key, id: UploadId }: ListedUpload,
): Promise<void> {
  const upload = { Bucket: place.bucket, Key, UploadId }
  await ask((client) => client.abortMultipartUpload(upload))
}

/** Within the store, in place of what has that key. */
export async function copyObject({ ask, place }: Bucket, from: string, to: string): Promise<void> {
  const { bucket } = place
  const copy = { Bucket: bucket, CopySource: `${bucket}/${from}`, Key: to }
  await ask((client) => client.copyObject(copy))
}

/** Also one that is not there. */
export async function deleteObject({ ask, place }: Bucket, Key: string): Promise<void> {
  const object = { Bucket: place.bucket, Key }
  await ask((client) => client.deleteObject(object))
}
