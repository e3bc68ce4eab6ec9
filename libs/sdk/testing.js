// `@millrace/sdk/testing`: the package above sdk that may see the engine (docs/decisions/0036).
export * from '@millrace/sdk-testing';
