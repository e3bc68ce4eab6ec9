export * from '@millrace/sdk-testing';
