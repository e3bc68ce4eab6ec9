import { z } from 'zod';
import { named, page, time } from '../openapi/answer-schemas.js';
import type { Answer } from '../openapi/answer-schemas.js';

const state = z.enum(['uploading', 'checking', 'ready', 'refused', 'active']);
export const sourceProblem = named('SourceProblem', z.object({ path: z.string(), message: z.string(), file: z.string(), line: z.int(), column: z.int() }));
export type SourceProblemAnswer = Answer<typeof sourceProblem>;
export type SourceStateAnswer = Answer<typeof state>;

export const dagDocument = named('DagDocument', z.object({
  dag_id: z.string(), revision: z.int(), state, active_revision: z.int().nullable(), problems: z.array(sourceProblem), created_by: z.string().nullable(), created_at: time, activated_at: time.nullable(),
}));
export type DagDocumentAnswer = Answer<typeof dagDocument>;
export const dagDocumentCollection = page('DagDocumentCollection', 'dag_documents', dagDocument);
export const dagDocumentWithContent = named('DagDocumentWithContent', dagDocument.extend({ content: z.string() }));
export const documentCheck = named('DagDocumentCheck', z.object({ valid: z.boolean(), problems: z.array(sourceProblem) }));
/** Itself a JSON Schema. */
export const dagFileSchema = named('DagFileSchema', z.record(z.string(), z.unknown()));

export const deployment = named('Deployment', z.object({
  bundle: z.string(), revision: z.int(), state, active_revision: z.int().nullable(), files: z.int(), bytes: z.int(),
  changes: z.object({ added: z.array(z.string()), changed: z.array(z.string()), removed: z.array(z.string()) }).nullable(), problems: z.array(sourceProblem), note: z.string().nullable(),
  created_by: z.string().nullable(), created_at: time, checked_at: time.nullable(), activated_at: time.nullable(),
}));
export type DeploymentAnswer = Answer<typeof deployment>;
export const deploymentCollection = page('DeploymentCollection', 'deployments', deployment);
/** With the hashes of the files that are still to be uploaded. */
export const begunDeployment = named('BegunDeployment', deployment.extend({ missing: z.array(z.string()) }));
export const bundleCollection = page('BundleCollection', 'bundles', z.object({ bundle: z.string(), active_revision: z.int().nullable(), last_revision: z.int() }));
