export type { BackfillInput, BackfillPlan, Commands, InstanceSelection, SelectedInstance, TriggerInput } from './commands/commands.js';
export { Publication } from './publication/publication.js';
export type { PublishedFile, PublishResult } from './publication/published-file.js';
