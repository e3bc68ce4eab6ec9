import type { SourceProblem, StoredRevision, StoredSource } from '@millrace/persistence';
import { instantText } from '../answers.js';
import type { DagDocumentAnswer, DeploymentAnswer, SourceProblemAnswer, SourceStateAnswer } from './source-schemas.js';

/** Read as: what is current, whether it is what runs are made of, and what is wrong with it. */
export function toDocumentResponse(source: StoredSource, revision: StoredRevision): DagDocumentAnswer {
  return {
    dag_id: source.name,
    revision: revision.revision,
    state: stateOf(source, revision),
    active_revision: source.activeRevision,
    problems: revision.problems.map(toProblem),
    created_by: revision.createdBy,
    created_at: instantText(revision.createdAt),
    activated_at: instantText(revision.activatedAt),
  };
}

export function toDeploymentResponse(source: StoredSource, revision: StoredRevision): DeploymentAnswer {
  return {
    bundle: source.name,
    revision: revision.revision,
    state: stateOf(source, revision),
    active_revision: source.activeRevision,
    files: revision.files.length,
    bytes: revision.files.reduce((sum, file) => sum + file.size, 0),
    changes: revision.changes,
    problems: revision.problems.map(toProblem),
    note: revision.note,
    created_by: revision.createdBy,
    created_at: instantText(revision.createdAt),
    checked_at: instantText(revision.checkedAt),
    activated_at: instantText(revision.activatedAt),
  };
}

export function toProblem({ path, message, file, line, column }: SourceProblem): SourceProblemAnswer {
  return { path, message, file, line, column };
}

/** `active` besides the stored ones: ready, and what runs are made of. */
export function stateOf(source: StoredSource, revision: StoredRevision): SourceStateAnswer {
  return revision.state === 'ready' && source.activeRevision === revision.revision ? 'active' : revision.state;
}
