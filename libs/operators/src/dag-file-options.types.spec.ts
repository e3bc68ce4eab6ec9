import { OPERATOR_OPTIONS } from '@millrace/contracts';
import type { CataloguedOperator } from '@millrace/contracts';
import { Operator } from '@millrace/sdk';
import type { OperatorOptions } from '@millrace/sdk';
import { describe, expect, expectTypeOf, it } from 'vitest';
import type { z } from 'zod';
import * as operators from './index.js';

type Functions<T> = { [K in keyof T]-?: NonNullable<T[K]> extends (...args: never[]) => unknown ? K : never }[keyof T];
/** Own options of an operator that can be written as data. `params` of a question is its form. */
type Data<T> = Exclude<keyof T, Exclude<keyof OperatorOptions, 'params'> | Functions<T>>;
type InFile<N extends CataloguedOperator> = keyof z.input<(typeof OPERATOR_OPTIONS)[N]>;

// When this does not compile, an operator has an option that dag files do not know, or the other way round: mend libs/contracts/src/dag-file/operator-options.ts, then write its schema anew.
it('dag files know the options of these operators', () => {
  expectTypeOf<InFile<'BashOperator'> | 'params'>().toEqualTypeOf<Data<operators.BashOperatorOptions>>();
  expectTypeOf<InFile<'PythonOperator'> | 'params'>().toEqualTypeOf<Data<operators.PythonOperatorOptions>>();
  expectTypeOf<InFile<'TemplateBranchOperator'> | 'params'>().toEqualTypeOf<Data<operators.TemplateBranchOperatorOptions>>();
  expectTypeOf<InFile<'TemplateShortCircuitOperator'> | 'params'>().toEqualTypeOf<Data<operators.TemplateShortCircuitOperatorOptions>>();
  expectTypeOf<InFile<'AsyncHttpOperator'> | 'params'>().toEqualTypeOf<Data<operators.AsyncHttpOperatorOptions>>();
  expectTypeOf<InFile<'TriggerDagRunOperator'> | 'params'>().toEqualTypeOf<Data<operators.TriggerDagRunOperatorOptions>>();
  expectTypeOf<InFile<'ExternalTaskSensor'> | 'params'>().toEqualTypeOf<Data<operators.ExternalTaskSensorOptions>>();
  expectTypeOf<InFile<'HttpOperator'> | 'params'>().toEqualTypeOf<Data<operators.HttpOperatorOptions>>();
  expectTypeOf<InFile<'HttpSensor'> | 'params'>().toEqualTypeOf<Data<operators.HttpSensorOptions>>();
  expectTypeOf<InFile<'SqlOperator'> | 'params'>().toEqualTypeOf<Data<operators.SqlOperatorOptions>>();
  expectTypeOf<InFile<'SqlSensor'> | 'params'>().toEqualTypeOf<Data<operators.SqlSensorOptions>>();
  expectTypeOf<InFile<'EmailOperator'> | 'params'>().toEqualTypeOf<Data<operators.EmailOperatorOptions>>();
  expectTypeOf<InFile<'SlackWebhookOperator'> | 'params'>().toEqualTypeOf<Data<operators.SlackWebhookOperatorOptions>>();
  expectTypeOf<InFile<'SlackPostOperator'> | 'params'>().toEqualTypeOf<Data<operators.SlackPostOperatorOptions>>();
  expectTypeOf<InFile<'WebhookOperator'> | 'params'>().toEqualTypeOf<Data<operators.WebhookOperatorOptions>>();
  expectTypeOf<InFile<'FileSensor'> | 'params'>().toEqualTypeOf<Data<operators.FileSensorOptions>>();
  expectTypeOf<InFile<'WriteFileOperator'> | 'params'>().toEqualTypeOf<Data<operators.WriteFileOperatorOptions>>();
  expectTypeOf<InFile<'CopyFilesOperator'> | 'params'>().toEqualTypeOf<Data<operators.CopyFilesOperatorOptions>>();
  expectTypeOf<InFile<'DeleteFilesOperator'> | 'params'>().toEqualTypeOf<Data<operators.DeleteFilesOperatorOptions>>();
  expectTypeOf<InFile<'DateTimeSensor'> | 'params'>().toEqualTypeOf<Data<operators.DateTimeSensorOptions>>();
  expectTypeOf<InFile<'TimeDeltaSensor'> | 'params'>().toEqualTypeOf<Data<operators.TimeDeltaSensorOptions>>();
  expectTypeOf<InFile<'SshOperator'> | 'params'>().toEqualTypeOf<Data<operators.SshOperatorOptions>>();
  expectTypeOf<InFile<'DockerOperator'> | 'params'>().toEqualTypeOf<Data<operators.DockerOperatorOptions>>();
  expectTypeOf<InFile<'KubernetesPodOperator'> | 'params'>().toEqualTypeOf<Data<operators.KubernetesPodOperatorOptions>>();
  expectTypeOf<InFile<'S3ListOperator'> | 'params'>().toEqualTypeOf<Data<operators.ListObjectsOptions>>();
  expectTypeOf<InFile<'S3GetOperator'> | 'params'>().toEqualTypeOf<Data<operators.GetObjectOptions>>();
  expectTypeOf<InFile<'S3PutOperator'> | 'params'>().toEqualTypeOf<Data<operators.PutObjectOptions>>();
  expectTypeOf<InFile<'S3CopyOperator'> | 'params'>().toEqualTypeOf<Data<operators.CopyObjectOptions>>();
  expectTypeOf<InFile<'S3DeleteOperator'> | 'params'>().toEqualTypeOf<Data<operators.DeleteObjectsOptions>>();
  expectTypeOf<InFile<'GcsListOperator'> | 'params'>().toEqualTypeOf<Data<operators.ListObjectsOptions>>();
  expectTypeOf<InFile<'GcsGetOperator'> | 'params'>().toEqualTypeOf<Data<operators.GetObjectOptions>>();
  expectTypeOf<InFile<'GcsPutOperator'> | 'params'>().toEqualTypeOf<Data<operators.PutObjectOptions>>();
  expectTypeOf<InFile<'GcsCopyOperator'> | 'params'>().toEqualTypeOf<Data<operators.CopyObjectOptions>>();
  expectTypeOf<InFile<'GcsDeleteOperator'> | 'params'>().toEqualTypeOf<Data<operators.DeleteObjectsOptions>>();
  expectTypeOf<InFile<'S3KeySensor'> | 'params'>().toEqualTypeOf<Data<operators.ObjectSensorOptions>>();
  expectTypeOf<InFile<'GcsObjectSensor'> | 'params'>().toEqualTypeOf<Data<operators.ObjectSensorOptions>>();
  expectTypeOf<InFile<'HITLOperator'>>().toEqualTypeOf<Data<operators.HITLOperatorOptions>>();
  expectTypeOf<InFile<'ApprovalOperator'>>().toEqualTypeOf<Data<operators.ApprovalOperatorOptions>>();
  expectTypeOf<InFile<'HITLEntryOperator'>>().toEqualTypeOf<Data<operators.HITLEntryOperatorOptions>>();
  expectTypeOf<InFile<'HITLBranchOperator'>>().toEqualTypeOf<Data<operators.HITLBranchOperatorOptions>>();
});

describe('the catalogue of dag files', () => {
  it.each(Object.keys(OPERATOR_OPTIONS))('%s is an operator', (name) => {
    const found = (operators as Readonly<Record<string, unknown>>)[name] as { prototype: unknown } | undefined;
    expect(found?.prototype).toBeInstanceOf(Operator);
  });
});
