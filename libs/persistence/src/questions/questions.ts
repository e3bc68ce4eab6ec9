import type { InstanceId, RunId } from '@millrace/vocabulary';
import type { Statement, Transaction } from '../database/database.js';

export interface Answer {
  readonly chosenOptions: readonly string[];
  readonly paramsInput: unknown;
  /** null: nobody answered in time. */
  readonly respondedById: string | null;
  readonly respondedByName: string | null;
  readonly respondedAt: Date;
}

export interface OpenQuestion {
  readonly instanceId: InstanceId;
  readonly runId: RunId;
  readonly tryNumber: number;
  readonly state: string | null;
  readonly options: readonly string[];
  readonly defaults: readonly string[] | null;
  readonly multiple: boolean;
  readonly params: Readonly<Record<string, unknown>>;
  readonly assignees: readonly { readonly id: string; readonly name: string }[];
  readonly respondedAt: Date | null;
}

const ANSWER: Statement = {
  name: 'question-answer',
  text: `
select chosen_options as "chosenOptions", params_input as "paramsInput", responded_by_id as "respondedById", responded_by_name as "respondedByName", responded_at as "respondedAt"
from hitl_detail where instance_id = $1 and try_number = $2 and responded_at is not null`,
};
/** question-defaults: nobody answered in time; whoever answers in the same moment was first, or is told so. */
const TAKE_DEFAULTS: Statement = {
  name: 'question-defaults',
  text: `
update hitl_detail set responded_at = now(), chosen_options = defaults,
  params_input = (select coalesce(jsonb_object_agg(key, case when jsonb_typeof(value) = 'object' and value ? 'value' then value -> 'value' else value end), '{}') from jsonb_each(params))
where instance_id = $1 and try_number = $2 and responded_at is null and defaults is not null`,
};
const QUESTION: Statement = {
  name: 'question-for-answer',
  text: `
select h.instance_id as "instanceId", h.dag_run_id as "runId", h.try_number as "tryNumber", t.state, h.options, h.defaults, h.multiple, h.params, h.assignees, h.responded_at as "respondedAt"
from hitl_detail h join task_instance t on t.id = h.instance_id and t.try_number = h.try_number where h.instance_id = $1 for update of h`,
};
const RESPOND: Statement = {
  name: 'question-respond',
  text: `
update hitl_detail set responded_at = now(), responded_by_id = $3, responded_by_name = $4, chosen_options = $5, params_input = $6::jsonb
where instance_id = $1 and try_number = $2 and responded_at is null returning responded_at as "respondedAt"`,
};

/** Questions to people, and their answers. The first answer counts. */
export class Questions {
  constructor(private readonly tx: Transaction) {}

  /** The answer to a try's question. `takeDefaults`: when there is none, the defaults are it from now on. */
  async answer(instanceId: InstanceId, tryNumber: number, takeDefaults: boolean): Promise<Answer | undefined> {
    if (takeDefaults) await this.tx.query(TAKE_DEFAULTS, [instanceId, tryNumber]);
    return (await this.tx.query<Answer & Record<string, unknown>>(ANSWER, [instanceId, tryNumber]))[0];
  }

  /** What the current try of an instance asks; nobody else answers it until the transaction ends. */
  async ofInstance(instanceId: InstanceId): Promise<OpenQuestion | undefined> {
    return (await this.tx.query<OpenQuestion & Record<string, unknown>>(QUESTION, [instanceId]))[0];
  }

  /** @returns when; undefined: it was answered already. */
  async respond(question: OpenQuestion, by: { readonly id: string; readonly name: string }, chosenOptions: readonly string[], paramsInputJson: string): Promise<Date | undefined> {
    const rows = await this.tx.query<{ respondedAt: Date }>(RESPOND, [question.instanceId, question.tryNumber, by.id, by.name, chosenOptions, paramsInputJson]);
    return rows[0]?.respondedAt;
  }
}
