import { dag } from '@millrace/sdk';

// A file that fails to load is an import error; its neighbours are not touched.
throw new Error(`this file is broken on purpose, ${dag.name}`);
