import type { VersionRow } from '@millrace/persistence';
import { instantText } from '../answers.js';
import type { DagVersionAnswer } from './version-schemas.js';

export interface VersionFacts {
  readonly dag_id: string;
  readonly dag_display_name: string;
  readonly dag_version_id: string;
  readonly version_number: number;
  readonly version_bundle_name: string;
  readonly version_created_at: Date;
}

export function toVersionResponse(version: VersionRow): DagVersionAnswer {
  return {
    id: version.id,
    version_number: version.version_number,
    dag_id: version.dag_id,
    bundle_name: version.bundle_name,
    bundle_version: version.bundle_version,
    created_at: instantText(version.created_at),
    dag_display_name: version.dag_display_name,
    bundle_url: null,
  };
}

/** The version that a run or instance row carries with it. */
export function versionOf(row: VersionFacts): DagVersionAnswer {
  return toVersionResponse({
    id: row.dag_version_id, dag_id: row.dag_id, dag_display_name: row.dag_display_name, version_number: row.version_number,
    bundle_name: row.version_bundle_name, bundle_hash: null, bundle_version: null, created_at: row.version_created_at,
  });
}
