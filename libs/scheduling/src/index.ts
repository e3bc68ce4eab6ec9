export type { BackfillInput, BackfillPlan, Commands, InstanceSelection, SelectedInstance, TriggerInput } from './commands/commands.js';
