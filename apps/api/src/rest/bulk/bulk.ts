import { z } from 'zod';
import { ERRORS, MillraceError } from '@millrace/vocabulary';

const ENTITIES_MAX = 1_000;

/** Airflow's bulk body of one kind of thing. @param key field that names one */
export function bulkBody<Entity extends z.ZodType>(entity: Entity) {
  const entities = z.array(entity).max(ENTITIES_MAX);
  return z.strictObject({
    actions: z
      .array(
        z.discriminatedUnion('action', [
          z.strictObject({ action: z.literal('create'), entities, action_on_existence: z.enum(['fail', 'skip', 'overwrite']).default('fail') }),
          z.strictObject({ action: z.literal('update'), entities, update_mask: z.array(z.string()).nullish(), action_on_non_existence: z.enum(['fail', 'skip']).default('fail') }),
          z.strictObject({ action: z.literal('delete'), entities: z.array(z.union([z.string().min(1), entity])).max(ENTITIES_MAX), action_on_non_existence: z.enum(['fail', 'skip']).default('fail') }),
        ]),
      )
      .max(100),
  });
}

/** What a bulk request is carried out with; each may refuse with a MillraceError. */
export interface BulkTarget<Entity> {
  /** e.g. `pool names`, for the sentence about what exists or does not. */
  readonly what: string;
  keyOf(entity: Entity): string;
  existing(keys: readonly string[]): Promise<ReadonlySet<string>>;
  create(entity: Entity): Promise<unknown>;
  update(entity: Entity, mask: readonly string[] | undefined): Promise<unknown>;
  delete(key: string): Promise<unknown>;
  /** Carries an action out under the permission for it. */
  as<Result>(action: 'create' | 'edit' | 'delete', work: () => Promise<Result>): Promise<Result>;
}

interface Outcome {
  readonly success: string[];
  readonly errors: { readonly error: string; readonly status_code: number }[];
}

type BulkAction<Entity> =
  | { readonly action: 'create'; readonly entities: readonly Entity[]; readonly action_on_existence: 'fail' | 'skip' | 'overwrite' }
  | { readonly action: 'update'; readonly entities: readonly Entity[]; readonly update_mask?: readonly string[] | null | undefined; readonly action_on_non_existence: 'fail' | 'skip' }
  | { readonly action: 'delete'; readonly entities: readonly (string | Entity)[]; readonly action_on_non_existence: 'fail' | 'skip' };

/**
 * One action after the other. As in Airflow an action that finds what it must not (or does not find what it must) changes nothing and is told as one
 * error; otherwise each entity succeeds or fails by itself. Actions that were not asked for are null.
 */
export async function applyBulk<Entity>(actions: readonly BulkAction<Entity>[], target: BulkTarget<Entity>): Promise<Record<'create' | 'update' | 'delete', Outcome | null>> {
  const answer: Record<'create' | 'update' | 'delete', Outcome | null> = { create: null, update: null, delete: null };
  // All of them first: a request that may not do one of its actions does none.
  for (const action of actions) await target.as(permissionOf(action), async () => undefined);
  for (const action of actions) {
    const outcome = (answer[action.action] ??= { success: [], errors: [] });
    await target.as(permissionOf(action), () => applyAction(action, target, outcome));
  }
  return answer;
}

async function applyAction<Entity>(action: BulkAction<Entity>, target: BulkTarget<Entity>, outcome: Outcome): Promise<void> {
  const keyOf = (entity: string | Entity): string => (typeof entity === 'string' ? entity : target.keyOf(entity));
  const keys = action.entities.map(keyOf);
  const existing = await target.existing(keys);
  if (action.action === 'create') {
    if (action.action_on_existence === 'fail' && refuse(outcome, keys.filter((key) => existing.has(key)), 409, (found) => `The ${target.what} already exist: ${found}`)) return;
    for (const entity of action.entities) {
      const exists = existing.has(target.keyOf(entity));
      if (exists && action.action_on_existence === 'skip') continue;
      await attempt(outcome, target.keyOf(entity), () => (exists ? target.as('edit', () => target.update(entity, undefined)) : target.create(entity)));
    }
    return;
  }
  const missing = keys.filter((key) => !existing.has(key));
  if (action.action_on_non_existence === 'fail' && refuse(outcome, missing, 404, (found) => `The ${target.what} were not found: ${found}`)) return;
  for (const entity of action.entities) {
    const key = keyOf(entity);
    if (!existing.has(key)) continue;
    await attempt(outcome, key, () => (action.action === 'delete' ? target.delete(key) : target.update(entity as Entity, action.update_mask ?? undefined)));
  }
}

function permissionOf(action: BulkAction<unknown>): 'create' | 'edit' | 'delete' {
  return action.action === 'update' ? 'edit' : action.action;
}

function refuse(outcome: Outcome, keys: readonly string[], statusCode: number, sentence: (keys: string) => string): boolean {
  if (keys.length === 0) return false;
  outcome.errors.push({ error: sentence([...new Set(keys)].join(', ')), status_code: statusCode });
  return true;
}

async function attempt(outcome: Outcome, key: string, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
    outcome.success.push(key);
  } catch (error) {
    if (!(error instanceof MillraceError)) throw error;
    outcome.errors.push({ error: `${key}: ${error.message}`, status_code: ERRORS[error.code].http });
  }
}
