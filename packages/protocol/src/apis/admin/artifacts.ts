import { Type } from 'typebox'
import { Artifact, BuildName, TrustedBuild } from '../../admin/artifact.ts'
import { operation } from '../../operations/operation.ts'
import { Empty, mebibyte, read, writeShared } from './row.ts'

/** Builds of plexd: those that nodes can fetch, and those that are trusted besides. */
export const artifacts = {
  putArtifact: operation({
    ...writeShared('PUT', 'artifacts'),
    path: '/admin/v1/artifacts/plexd/{version}/{os}/{arch}',
    summary: 'Upload a plexd binary',
    requestKind: 'bytes',
    response: Artifact,
    status: 201,
    errors: [400, 409],
    maxBodyBytes: 512 * mebibyte,
  }),
  listArtifacts: operation({
    ...read('artifacts'),
    path: '/admin/v1/artifacts',
    summary: 'List plexd binaries',
    response: Type.Object({ items: Type.Array(Artifact) }),
  }),
  deleteArtifact: operation({
    ...writeShared('DELETE', 'artifacts'),
    path: '/admin/v1/artifacts/plexd/{version}/{os}/{arch}',
    summary: 'Delete a plexd binary',
    response: Empty,
    errors: [404],
  }),
  trustBuild: operation({
    ...writeShared('POST', 'artifacts'),
    path: '/admin/v1/trusted-builds',
    summary: 'Vouch for a build of plexd that was not uploaded, by its SHA-256',
    request: BuildName,
    response: TrustedBuild,
    status: 201,
    errors: [400],
  }),
  listTrustedBuilds: operation({
    ...read('artifacts'),
    path: '/admin/v1/trusted-builds',
    summary: 'List builds of plexd that were not uploaded, and that operators vouch for',
    response: Type.Object({ items: Type.Array(TrustedBuild) }),
  }),
  distrustBuild: operation({
    ...writeShared('DELETE', 'artifacts'),
    path: '/admin/v1/trusted-builds/{version}/{os}/{arch}/{checksum}',
    summary: 'Vouch for a build of plexd no longer',
    response: Empty,
    errors: [400, 404],
  }),
} as const
