import { executionProto } from '@millrace/contracts';
import type { Fence } from '@millrace/persistence';
import { lookInput, triggerOtherInput } from '@millrace/scheduling';
import type { OtherRuns } from '@millrace/scheduling';
import { MillraceError } from '@millrace/vocabulary';

type Reply = Partial<executionProto.QueryReply>;

/** What a task asks of other dags' runs, checked where it enters. A refusal is told to the task in its own words. */
export async function answerOtherRun(runs: OtherRuns, fence: Fence, { kind, json }: executionProto.OtherRunQuery): Promise<Reply> {
  const { KIND_TRIGGER, KIND_LOOK } = executionProto.OtherRunQuery_Kind;
  let asked: unknown;
  try {
    asked = JSON.parse(json);
  } catch {
    return { error: 'the question is not JSON' };
  }
  const input = kind === KIND_TRIGGER ? triggerOtherInput.safeParse(asked) : kind === KIND_LOOK ? lookInput.safeParse(asked) : null;
  if (input === null) return { error: 'the question names nothing to look up' };
  if (!input.success) return { error: input.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ') };
  try {
    const answer = kind === KIND_TRIGGER ? await runs.trigger(fence, input.data as never) : await runs.look(fence, input.data as never);
    return { found: true, json: JSON.stringify(answer) };
  } catch (error) {
    if (error instanceof MillraceError) return { error: error.message };
    throw error;
  }
}
