import { CopyObject, DeleteObjects, GetObject, ListObjects, ObjectSensor, PutObject } from './storage-operators.js';
import { S3 } from './s3-storage.js';

/** Amazon S3 and what speaks like it: keys of a bucket below a prefix, in order. */
export class S3ListOperator extends ListObjects {
  protected readonly platform = S3;
}

/** Reads an object, as text or into a file. */
export class S3GetOperator extends GetObject {
  protected readonly platform = S3;
}

/** Stores a file, a text or JSON as an object. Returns its address. */
export class S3PutOperator extends PutObject {
  protected readonly platform = S3;
}

/** Copies an object on the platform itself. Returns the address of the copy. */
export class S3CopyOperator extends CopyObject {
  protected readonly platform = S3;
}

/** Deletes objects by key or prefix; what is not there is no error. Returns how many. */
export class S3DeleteOperator extends DeleteObjects {
  protected readonly platform = S3;
}

/** Waits for an object, or for several by a pattern. Returns key, size and time of each. */
export class S3KeySensor extends ObjectSensor {
  protected readonly platform = S3;
}
