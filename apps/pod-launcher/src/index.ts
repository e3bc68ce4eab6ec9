import { PodLauncher } from './pod-launcher.service.js';
import type { PodLauncherOptions } from './pod-launcher.service.js';

export { PodLauncher } from './pod-launcher.service.js';
export type { PodLauncherOptions } from './pod-launcher.service.js';

/** @throws MillraceError when the template is no pod, or the cluster's address is not known */
export function createPodLauncher(options: PodLauncherOptions): PodLauncher {
  return new PodLauncher(options);
}
