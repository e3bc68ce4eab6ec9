import { chain, dag } from '@millrace/sdk';

const JOBS: readonly (readonly [string, string, string, string, number])[] = [
  ['billing_invoices', 'Invoices of the day, and the mails with them', '0 2 * * *', 'billing', 0.02],
  ['billing_reminders', 'Reminders for what is overdue', '30 7 * * 1-5', 'billing', 0.05],
  ['ml_features', 'Features for the models of the shop', '*/30 * * * *', 'ml', 0.06],
  ['ml_training', 'Trains the ranking model', '0 4 * * 0', 'ml', 0.25],
  ['search_index', 'The index of the shop, rebuilt', '15 * * * *', 'search', 0.03],
  ['crm_sync', 'Customers to and from the CRM', '*/15 * * * *', 'crm', 0.1],
  ['exports_partners', 'Files for partners', '0 6 * * *', 'exports', 0.04],
  ['quality_checks', 'Counts and sums that must agree', '45 * * * *', 'core', 0.08],
];

for (const [id, description, schedule, tag, fails] of JOBS) {
  dag(id, { description, schedule, startDate: new Date(Date.now() - 12 * 3_600_000).toISOString().slice(0, 13) + ':00:00Z', catchup: true, maxActiveRuns: 2, tags: [tag] }, (d) => {
    const step = (name: string) => d.task(name, async () => {
      await new Promise((resolve) => setTimeout(resolve, 60 + Math.random() * 200));
      if (Math.random() < fails) throw new Error('the other side is not there');
      return name;
    })();
    chain(step('fetch'), [step('left'), step('right')], step('done'));
  });
}
