/** The files of a new project, by path. */
export function projectFiles(name: string): Readonly<Record<string, string>> {
  return {
    'package.json': `${JSON.stringify({
      name: name.toLowerCase().replaceAll(/[^a-z0-9._-]/g, '-').replace(/^[._-]+/, '') || 'dags',
      private: true, type: 'module',
      scripts: { test: 'vitest run', check: 'tsc --noEmit' },
      dependencies: { '@millrace/operators': 'file:.millrace/operators', '@millrace/sdk': 'file:.millrace/sdk' },
      devDependencies: { '@types/node': '^20.19.0', typescript: '>=5.9', vitest: '^4.1.0' },
    }, null, 2)}\n`,
    'tsconfig.json': `${JSON.stringify({
      compilerOptions: {
        target: 'es2023', lib: ['es2023', 'esnext.disposable'], module: 'nodenext', moduleResolution: 'nodenext', strict: true, noUncheckedIndexedAccess: true, noImplicitOverride: true,
        skipLibCheck: true, noEmit: true, types: ['node'],
      },
      include: ['dags', 'plugins', 'tests'],
    }, null, 2)}\n`,
    '.gitignore': 'node_modules/\n',
    '.vscode/extensions.json': `${JSON.stringify({ recommendations: ['vitest.explorer'] }, null, 2)}\n`,
    '.vscode/settings.json': `${JSON.stringify({ 'js/ts.tsdk.path': 'node_modules/typescript/lib', 'files.exclude': { '.millrace': true } }, null, 2)}\n`,
    'dags/order_totals.ts': DAG,
    'plugins/plus-operator.ts': PLUGIN,
    'tests/order_totals.test.ts': TEST,
    'README.md': readme(name),
  };
}

const DAG = `import { BashOperator } from '@millrace/operators';
import { dag, param, task } from '@millrace/sdk';
import { PlusOperator } from '../plugins/plus-operator.js';

interface Order {
  readonly id: number;
  readonly price: number;
}

const extract = task('extract', (_, { params, log }): Order[] => {
  log.info(\`reading \${String(params['orders'])} orders\`);
  return Array.from({ length: Number(params['orders']) }, (_, i) => ({ id: i + 1, price: 10 * (i + 1) }));
});

// The return type of one task is the argument type of the next: try to hand it something else.
const total = task({ id: 'total', retries: 2, retryDelay: '30s' }, (orders: readonly Order[]) => orders.reduce((sum, order) => sum + order.price, 0));

export default dag('order_totals', { description: 'Adds up orders', params: { orders: param(3, { schema: { type: 'integer', minimum: 1 } }) } }, () => {
  const sum = total(extract());
  const shipping = new PlusOperator('with_shipping', { left: sum, right: 5 });
  shipping.to(new BashOperator('tell', { bashCommand: \`echo "to pay: {{ ti.xcom_pull(task_ids='with_shipping') }} (rounded {{ macros.sums.tens(ti.xcom_pull(task_ids='with_shipping')) }})"\` }));
});
`;

const PLUGIN = `import { Operator, TaskOutput, plugin } from '@millrace/sdk';
import type { OperatorOptions, TaskContext } from '@millrace/sdk';

type Summand = number | TaskOutput<number>;

export interface PlusOperatorOptions extends OperatorOptions {
  /** A number, or the output of a task that returns one. */
  readonly left: Summand;
  readonly right: Summand;
}

/** Adds two numbers; the sum is its XCom \`return_value\`. */
export class PlusOperator extends Operator<number> {
  readonly left: Summand;
  readonly right: Summand;

  constructor(id: string, options: PlusOperatorOptions) {
    super(id, options);
    this.left = options.left;
    this.right = options.right;
    for (const summand of [options.left, options.right]) if (summand instanceof TaskOutput) summand.to(this);
  }

  override async execute(context: TaskContext): Promise<number> {
    const [left, right] = [await valueOf(this.left, context), await valueOf(this.right, context)];
    context.log.info(\`\${left} + \${right} = \${left + right}\`);
    return left + right;
  }
}

async function valueOf(summand: Summand, { ti }: TaskContext): Promise<number> {
  return summand instanceof TaskOutput ? Number(await ti.xcomPull({ taskIds: summand.taskId, key: summand.key })) : summand;
}

/** What this module gives besides its classes: see docs/users/plugins.md of Millrace. */
export default plugin('sums', {
  version: '1.0.0',
  description: 'Adds numbers',
  operators: [PlusOperator],
  macros: { tens: (value: number) => Math.round(value / 10) * 10 },
});
`;

const TEST = `import { runDag } from '@millrace/sdk/testing';
import { expect, it } from 'vitest';
import orderTotals from '../dags/order_totals.js';
import sums from '../plugins/plus-operator.js';

it('adds up the orders and the shipping', async () => {
  const run = await runDag(orderTotals, { conf: { orders: 2 }, plugins: [sums] });
  expect(run.states).toEqual({ extract: 'success', total: 'success', with_shipping: 'success', tell: 'success' });
  expect(run.xcom('with_shipping')).toBe(35);
  expect(run.rendered('tell')).toMatchObject({ bashCommand: 'echo "to pay: 35 (rounded 40)"' });
});

it('tries the sum again, and takes no time for it', async () => {
  const run = await runDag(orderTotals, { plugins: [sums], outcomes: { total: [{ fails: 'no memory' }, { returns: 60 }] } });
  expect(run.task('total')).toMatchObject({ state: 'success', tryNumber: 2 });
  expect(run.xcom('with_shipping')).toBe(65);
});

it('does not pay for what it does not know', async () => {
  const run = await runDag(orderTotals, { plugins: [sums], outcomes: { extract: { fails: 'no orders', forGood: true } } });
  expect(run.states).toEqual({ extract: 'failed', total: 'upstream_failed', with_shipping: 'upstream_failed', tell: 'upstream_failed' });
});
`;

function readme(name: string): string {
  return `# ${name}

Dags for Millrace.

\`\`\`
npm install
npm test                                  # the dag in a test, without any server
npm run check                             # types
millrace dags test order_totals --dags dags   # once, on the terminal
\`\`\`

In a checkout of Millrace the command is \`node_modules/.bin/millrace\`: \`alias millrace=/where/it/is/node_modules/.bin/millrace\`.

* \`dags/order_totals.ts\`: a dag. \`plugins/plus-operator.ts\`: an operator of its own, and a macro. \`tests/\`: how it must behave.
* \`.millrace/\`: the packages \`@millrace/sdk\` and \`@millrace/operators\` of the Millrace that made this project; \`millrace init --update\` renews them.

Deploy to an installation: it checks first, and changes all at once or nothing. (Without its API: copy \`dags\` and \`plugins\` side by side into its \`$MILLRACE_HOME\`.)

\`\`\`
millrace login http://127.0.0.1:8080
millrace dags deploy .
millrace dags trigger order_totals --wait
\`\`\`
`;
}
