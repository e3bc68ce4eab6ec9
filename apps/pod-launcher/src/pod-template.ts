import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';
import { MillraceError } from '@millrace/vocabulary';
import type { Pod } from './kubernetes/kubernetes-client.js';

/** What of a template is looked at; everything else goes to Kubernetes as it is. */
const templateSchema = z.looseObject({
  metadata: z.looseObject({ labels: z.record(z.string(), z.string()).optional(), annotations: z.record(z.string(), z.string()).optional() }).optional(),
  spec: z.looseObject({ containers: z.array(z.looseObject({ name: z.string(), image: z.string() })).min(1) }),
});
export type PodTemplate = z.infer<typeof templateSchema>;

export const LAUNCHER_LABEL = 'millrace.dev/pod-launcher';
export const ATTEMPT_LABEL = 'millrace.dev/attempt-id';

/** @throws MillraceError `invalid` with what is wrong in which file */
export function readPodTemplate(file: string): PodTemplate {
  if (file === '') throw new MillraceError('invalid', 'pods.template_file (MILLRACE__PODS__TEMPLATE_FILE) must name the pod in which attempts run');
  let content: unknown;
  try {
    content = parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new MillraceError('invalid', `the pod template ${file} can't be read: ${(error as Error).message.split('\n')[0]}`);
  }
  const checked = templateSchema.safeParse(content);
  if (!checked.success) throw new MillraceError('invalid', `the pod template ${file} is no pod: ${checked.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ')}`);
  return checked.data;
}

export function podNameOf(attemptId: string): string {
  return `millrace-${attemptId}`;
}

/** The pod of an attempt. Its name is the attempt's, so that the same attempt never gets two; it holds ids and nothing secret. */
export function podOf(template: PodTemplate, launcher: string, instanceId: string, attemptId: string): Pod {
  const [first, ...others] = template.spec.containers;
  const container = { ...first, args: ['worker', '--attempt', `${instanceId}/${attemptId}`] };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...template.metadata,
      name: podNameOf(attemptId),
      labels: { ...template.metadata?.labels, [LAUNCHER_LABEL]: launcher, [ATTEMPT_LABEL]: attemptId },
      // An attempt runs once: neither Kubernetes nor an autoscaler may move it.
      annotations: { 'cluster-autoscaler.kubernetes.io/safe-to-evict': 'false', ...template.metadata?.annotations },
    },
    spec: { ...template.spec, restartPolicy: 'Never', containers: [container, ...others] },
  };
}
