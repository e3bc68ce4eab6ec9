import type { Manifest } from './manifests.js';

interface Container { readonly name: string; readonly image: string; readonly [field: string]: any }

/** What every pod of ours must keep, whatever the values: one sentence for each breach. */
export function breachesOf(manifests: readonly Manifest[]): string[] {
  const breaches: string[] = [];
  for (const manifest of manifests) {
    const pod = podSpecOf(manifest);
    if (pod === null) continue;
    const say = (what: string): void => void breaches.push(`${manifest.kind} ${manifest.metadata.name}: ${what}`);
    if (pod.securityContext?.runAsNonRoot !== true) say('may run as root');
    if (pod.securityContext?.seccompProfile?.type !== 'RuntimeDefault') say('has no seccomp profile');
    if (pod.hostNetwork || pod.hostPID || pod.hostIPC) say('shares namespaces of the host');
    if (pod.automountServiceAccountToken !== false && !manifest.metadata.name.endsWith('-pod-launcher')) say('is given a token of the cluster');
    for (const volume of pod.volumes ?? []) if (volume.hostPath !== undefined) say(`mounts the host's ${volume.hostPath.path}`);
    for (const container of [...(pod.initContainers ?? []), ...(pod.containers ?? [])] as Container[]) {
      const its = (what: string): void => say(`container ${container.name} ${what}`);
      if (!/@sha256:[0-9a-f]{64}$|:[\w][\w.-]*$/.test(container.image) || container.image.endsWith(':latest')) its(`has an image that is not pinned: ${container.image}`);
      const { requests, limits } = container['resources'] ?? {};
      if (!requests?.cpu || !requests?.memory) its('requests no cpu or memory');
      if (!limits?.memory) its('has no memory limit');
      const security = container['securityContext'] ?? {};
      if (security.allowPrivilegeEscalation !== false) its('may gain privileges');
      if (security.privileged === true) its('is privileged');
      if (security.readOnlyRootFilesystem !== true) its('may write its root file system');
      if (!security.capabilities?.drop?.includes('ALL')) its('keeps capabilities');
      for (const { name, value } of container['env'] ?? []) {
        if (value !== undefined && /password|secret|token|_url$/i.test(name) && /:\/\/[^/\s]*:[^/\s]+@/.test(value)) its(`has a secret as a value: ${name}`);
      }
    }
    if (['Deployment', 'StatefulSet'].includes(manifest.kind)) {
      for (const container of pod.containers as Container[]) {
        if (container.name === 'git-sync') continue;
        if (container['livenessProbe']?.httpGet?.path !== '/livez') say(`container ${container.name}: liveness must ask /livez, which depends on nothing`);
        if (container['readinessProbe']?.httpGet?.path !== '/readyz') say(`container ${container.name}: readiness must ask /readyz`);
      }
    }
  }
  return breaches;
}

export function podSpecOf(manifest: Manifest): any {
  if (['Deployment', 'StatefulSet', 'Job', 'DaemonSet'].includes(manifest.kind)) return manifest['spec'].template.spec;
  if (manifest.kind === 'CronJob') return manifest['spec'].jobTemplate.spec.template.spec;
  return manifest.kind === 'Pod' ? manifest['spec'] : null;
}

/** Names that must fit together: what objects refer to and nobody defines. Names of secrets are the operator's own. */
export function danglingReferences(manifests: readonly Manifest[]): string[] {
  const has = (kind: string, name: string): boolean => manifests.some((manifest) => manifest.kind === kind && manifest.metadata.name === name);
  const dangling: string[] = [];
  for (const manifest of manifests) {
    const pod = podSpecOf(manifest);
    const say = (what: string): void => void dangling.push(`${manifest.kind} ${manifest.metadata.name}: ${what}`);
    for (const volume of pod?.volumes ?? []) if (volume.configMap && !has('ConfigMap', volume.configMap.name)) say(`there is no ConfigMap ${volume.configMap.name}`);
    if (pod?.serviceAccountName && !has('ServiceAccount', pod.serviceAccountName)) say(`there is no ServiceAccount ${pod.serviceAccountName}`);
    for (const container of [...(pod?.initContainers ?? []), ...(pod?.containers ?? [])]) {
      const volumes = new Set([...(pod.volumes ?? []).map((volume: { name: string }) => volume.name), ...(manifest['spec'].volumeClaimTemplates ?? []).map((claim: Manifest) => claim.metadata.name)]);
      for (const mount of container.volumeMounts ?? []) if (!volumes.has(mount.name)) say(`container ${container.name} mounts ${mount.name}, which is no volume`);
      const ports = new Set((container.ports ?? []).map((port: { name: string }) => port.name));
      for (const probe of ['livenessProbe', 'readinessProbe', 'startupProbe']) {
        const port = container[probe]?.httpGet?.port;
        if (typeof port === 'string' && !ports.has(port)) say(`${probe} of ${container.name} asks port ${port}, which it has not`);
      }
    }
    const selected = (labels: Record<string, string>): Manifest[] => manifests.filter((each) => {
      const its = podSpecOf(each) === null ? undefined : each['spec'].template?.metadata?.labels;
      return its !== undefined && Object.entries(labels).every(([key, value]) => its[key] === value);
    });
    if (manifest.kind === 'Service') {
      const targets = selected(manifest['spec'].selector);
      if (targets.length === 0) say('selects no pod');
      const names = new Set(targets.flatMap((target) => podSpecOf(target).containers.flatMap((container: Container) => (container['ports'] ?? []).map((port: { name: string }) => port.name))));
      for (const port of manifest['spec'].ports) if (typeof port.targetPort === 'string' && !names.has(port.targetPort)) say(`leads to port ${port.targetPort}, which no pod of it has`);
    }
    if (['PodDisruptionBudget', 'NetworkPolicy'].includes(manifest.kind)) {
      const labels = (manifest['spec'].selector ?? manifest['spec'].podSelector).matchLabels;
      // Pods of single tasks come and go; no object here makes them.
      if (labels !== undefined && labels['app.kubernetes.io/component'] !== 'pod-runner' && selected(labels).length === 0) say('selects no pod');
    }
    if (manifest['spec']?.scaleTargetRef && !has(manifest['spec'].scaleTargetRef.kind, manifest['spec'].scaleTargetRef.name)) say(`scales ${manifest['spec'].scaleTargetRef.name}, which is not there`);
    for (const trigger of manifest['spec']?.triggers ?? []) if (trigger.authenticationRef && !has('TriggerAuthentication', trigger.authenticationRef.name)) say(`there is no TriggerAuthentication ${trigger.authenticationRef.name}`);
  }
  return dangling;
}
