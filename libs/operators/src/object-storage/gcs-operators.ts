import { CopyObject, DeleteObjects, GetObject, ListObjects, ObjectSensor, PutObject } from './storage-operators.js';
import { GCS } from './gcs-storage.js';

/** Google Cloud Storage: keys of a bucket below a prefix, in order. */
export class GcsListOperator extends ListObjects {
  protected readonly platform = GCS;
}

/** Reads an object, as text or into a file. */
export class GcsGetOperator extends GetObject {
  protected readonly platform = GCS;
}

/** Stores a file, a text or JSON as an object. Returns its address. */
export class GcsPutOperator extends PutObject {
  protected readonly platform = GCS;
}

/** Copies an object on the platform itself. Returns the address of the copy. */
export class GcsCopyOperator extends CopyObject {
  protected readonly platform = GCS;
}

/** Deletes objects by key or prefix; what is not there is no error. Returns how many. */
export class GcsDeleteOperator extends DeleteObjects {
  protected readonly platform = GCS;
}

/** Waits for an object, or for several by a pattern. Returns key, size and time of each. */
export class GcsObjectSensor extends ObjectSensor {
  protected readonly platform = GCS;
}
