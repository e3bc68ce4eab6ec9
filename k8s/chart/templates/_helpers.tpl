{{- define "millrace.fullname" -}}
{{- if .Values.fullnameOverride }}{{ .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}{{ else if contains "millrace" .Release.Name }}{{ .Release.Name | trunc 40 | trimSuffix "-" }}{{ else }}{{ printf "%s-millrace" .Release.Name | trunc 40 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "millrace.selector" -}}
app.kubernetes.io/name: millrace
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- with .group }}
millrace.dev/worker-group: {{ . }}
{{- end }}
{{- end }}

{{- define "millrace.labels" -}}
{{ include "millrace.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end }}

{{- define "millrace.image" -}}
{{- if .digest }}{{ .repository }}@{{ .digest }}{{ else }}{{ .repository }}:{{ required "an image needs a tag or a digest" .tag }}{{ end }}
{{- end }}

{{- define "millrace.databaseSecret" -}}
{{- if .Values.postgresql.operator.enabled }}{{ printf "%s-postgresql-app" (include "millrace.fullname" .) }}{{ else }}{{ .Values.data.metadataSecretName }}{{ end }}
{{- end }}
{{- define "millrace.databaseSecretKey" -}}
{{- if .Values.postgresql.operator.enabled }}uri{{ else }}{{ .Values.data.metadataSecretKey }}{{ end }}
{{- end }}
{{- define "millrace.brokerSecret" -}}
{{- if .Values.rabbitmq.operator.enabled }}{{ printf "%s-rabbitmq-default-user" (include "millrace.fullname" .) }}{{ else }}{{ .Values.data.brokerUrlSecretName }}{{ end }}
{{- end }}
{{- define "millrace.brokerSecretKey" -}}
{{- if .Values.rabbitmq.operator.enabled }}connection_string{{ else }}{{ .Values.data.brokerUrlSecretKey }}{{ end }}
{{- end }}

{{- define "millrace.fromSecret" -}}
- name: {{ .env }}
  valueFrom: { secretKeyRef: { name: {{ .name | quote }}, key: {{ .key | quote }} } }
{{- end }}

{{/* Environment of a service. needs: list of database, broker, redis, admin, secretKeys */}}
{{- define "millrace.env" -}}
{{- $root := .root }}
- { name: MILLRACE_CONFIG, value: /etc/millrace/millrace.yaml }
- { name: MILLRACE_HOME, value: /var/lib/millrace }
- name: POD_IP
  valueFrom: { fieldRef: { fieldPath: status.podIP } }
- name: POD_NAME
  valueFrom: { fieldRef: { fieldPath: metadata.name } }
{{ include "millrace.fromSecret" (dict "env" "MILLRACE__SECURITY__INTERNAL_TOKEN" "name" $root.Values.data.internalTokenSecretName "key" $root.Values.data.internalTokenSecretKey) }}
{{- if and (has "secretKeys" .needs) $root.Values.fernetKeySecretName }}
{{ include "millrace.fromSecret" (dict "env" "MILLRACE__SECURITY__SECRET_KEYS" "name" $root.Values.fernetKeySecretName "key" $root.Values.fernetKeySecretKey) }}
{{- end }}
{{- if has "database" .needs }}
{{ include "millrace.fromSecret" (dict "env" "MILLRACE__DATABASE__URL" "name" (include "millrace.databaseSecret" $root) "key" (include "millrace.databaseSecretKey" $root)) }}
{{- end }}
{{- if has "broker" .needs }}
{{ include "millrace.fromSecret" (dict "env" "MILLRACE__BROKER__URL" "name" (include "millrace.brokerSecret" $root) "key" (include "millrace.brokerSecretKey" $root)) }}
{{- end }}
{{- if has "redis" .needs }}
{{- if $root.Values.data.redisUrlSecretName }}
{{ include "millrace.fromSecret" (dict "env" "MILLRACE__REDIS__URL" "name" $root.Values.data.redisUrlSecretName "key" $root.Values.data.redisUrlSecretKey) }}
{{- else }}
- { name: MILLRACE__REDIS__ENABLED, value: "false" }
{{- end }}
{{- end }}
{{- if and (has "admin" .needs) $root.Values.data.adminPasswordSecretName }}
{{ include "millrace.fromSecret" (dict "env" "MILLRACE__SECURITY__ADMIN_PASSWORD" "name" $root.Values.data.adminPasswordSecretName "key" $root.Values.data.adminPasswordSecretKey) }}
{{- end }}
{{- range $root.Values.secret }}
{{ include "millrace.fromSecret" (dict "env" .envName "name" .secretName "key" .secretKey) }}
{{- end }}
{{- range list $root.Values.env $root.Values.extraEnv .values.env .values.extraEnv }}
{{- with include "millrace.listOrText" (dict "root" $root "value" .) }}
{{ . }}
{{- end }}
{{- end }}
{{- end }}

{{/* Airflow's chart takes extraEnv and extraEnvFrom as a text that is a template; a list is the same without templates. */}}
{{- define "millrace.listOrText" -}}
{{- if kindIs "string" .value }}{{ tpl .value .root | trim }}{{ else if .value }}{{ toYaml .value }}{{ end }}
{{- end }}

{{/* alone: without what every service has. */}}
{{- define "millrace.envFrom" -}}
{{- $root := .root }}
{{- $all := list }}
{{- range list (ternary list $root.Values.extraEnvFrom (.alone | default false)) .values.extraEnvFrom }}
{{- with include "millrace.listOrText" (dict "root" $root "value" .) }}
{{- $all = concat $all (fromYamlArray .) }}
{{- end }}
{{- end }}
{{- with $all }}
envFrom:
{{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* Metadata of a pod: labels, and the configuration's hash, so that a change of it rolls the pods. */}}
{{- define "millrace.podMetadata" -}}
labels:
  {{- include "millrace.labels" . | nindent 2 }}
  {{- with .values.labels }}{{ toYaml . | nindent 2 }}{{- end }}
annotations:
  checksum/config: {{ .root.Values.config | toJson | sha256sum }}
  cluster-autoscaler.kubernetes.io/safe-to-evict: {{ .values.safeToEvict | quote }}
  {{- with .values.podAnnotations }}{{ toYaml . | nindent 2 }}{{- end }}
{{- end }}

{{- define "millrace.podCommon" -}}
serviceAccountName: {{ include "millrace.serviceAccount" . }}
automountServiceAccountToken: {{ .token | default false }}
enableServiceLinks: false
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  {{- mergeOverwrite (dict "runAsNonRoot" true "runAsUser" 10001 "runAsGroup" 10001 "fsGroup" 10001 "fsGroupChangePolicy" "OnRootMismatch" "seccompProfile" (dict "type" "RuntimeDefault")) (.values.securityContexts.pod | default dict) | toYaml | nindent 2 }}
{{- with .values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
affinity:
  {{- if .values.affinity }}
  {{- toYaml .values.affinity | nindent 2 }}
  {{- else }}
  podAntiAffinity:
    preferredDuringSchedulingIgnoredDuringExecution:
      - weight: 100
        podAffinityTerm:
          topologyKey: kubernetes.io/hostname
          labelSelector:
            matchLabels:
              {{- include "millrace.selector" . | nindent 14 }}
  {{- end }}
{{- with .values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
topologySpreadConstraints:
  {{- if .values.topologySpreadConstraints }}
  {{- toYaml .values.topologySpreadConstraints | nindent 2 }}
  {{- else }}
  - maxSkew: 1
    topologyKey: topology.kubernetes.io/zone
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "millrace.selector" . | nindent 8 }}
  {{- end }}
{{- end }}

{{- define "millrace.serviceAccount" -}}
{{- $name := printf "%s-%s" (include "millrace.fullname" .root) .component }}
{{- if .values.serviceAccount.create }}{{ .values.serviceAccount.name | default $name }}{{ else }}{{ .values.serviceAccount.name | default "default" }}{{ end }}
{{- end }}

{{- define "millrace.containerSecurity" -}}
securityContext:
  {{- mergeOverwrite (dict "allowPrivilegeEscalation" false "readOnlyRootFilesystem" true "capabilities" (dict "drop" (list "ALL"))) (.container | default dict) | toYaml | nindent 2 }}
{{- end }}

{{/* Probes. Liveness asks the event loop only: a restart mends no database. */}}
{{- define "millrace.probes" -}}
livenessProbe:
  httpGet: { path: /livez, port: metrics }
  {{- toYaml .livenessProbe | nindent 2 }}
readinessProbe:
  httpGet: { path: /readyz, port: metrics }
  {{- toYaml .readinessProbe | nindent 2 }}
startupProbe:
  httpGet: { path: /livez, port: metrics }
  {{- toYaml .startupProbe | nindent 2 }}
{{- end }}

{{- define "millrace.mounts" -}}
- { name: config, mountPath: /etc/millrace, readOnly: true }
- { name: tmp, mountPath: /tmp }
- { name: home, mountPath: /var/lib/millrace }
{{- with .values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "millrace.volumes" -}}
- name: config
  configMap: { name: {{ include "millrace.fullname" .root }}-config }
- name: tmp
  emptyDir: {}
{{- if not .homeIsClaimed }}
- name: home
  emptyDir: {}
{{- end }}
{{- with .values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Where the pod of a Job may run. */}}
{{- define "millrace.jobPlacement" -}}
{{- range $key := list "nodeSelector" "affinity" "tolerations" }}
{{- with get $.job $key }}
{{ $key }}:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- with .job.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end }}

{{- define "millrace.waitForMigrations" -}}
{{- if .root.Values.waitForMigrations.enabled }}
- name: wait-for-migrations
  image: {{ include "millrace.image" .root.Values.images.millrace }}
  imagePullPolicy: {{ .root.Values.images.millrace.pullPolicy }}
  args: [db, check, --wait, {{ .root.Values.waitForMigrations.timeoutSeconds | quote }}]
  env:
    {{- include "millrace.env" (dict "root" .root "values" .values "needs" (list "database")) | nindent 4 }}
  resources: { requests: { cpu: 50m, memory: 128Mi }, limits: { memory: 256Mi } }
  {{- include "millrace.containerSecurity" .values.securityContexts | nindent 2 }}
  volumeMounts:
    {{- include "millrace.mounts" (dict "values" dict) | nindent 4 }}
{{- end }}
{{- end }}

{{- define "millrace.pdb" -}}
{{- if .values.podDisruptionBudget.enabled }}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ .name }}
  labels:
    {{- include "millrace.labels" . | nindent 4 }}
spec:
  {{- toYaml .values.podDisruptionBudget.config | nindent 2 }}
  selector:
    matchLabels:
      {{- include "millrace.selector" . | nindent 6 }}
{{- end }}
{{- end }}

{{- define "millrace.serviceAccountObject" -}}
{{- if .values.serviceAccount.create }}
---
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ include "millrace.serviceAccount" . }}
  labels:
    {{- include "millrace.labels" (omit . "group") | nindent 4 }}
  {{- with .values.serviceAccount.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
automountServiceAccountToken: false
{{- end }}
{{- end }}

{{/* A worker group over the defaults of `workers`. */}}
{{- define "millrace.workerGroup" -}}
{{- mergeOverwrite (deepCopy .root.Values.workers) .group | toYaml }}
{{- end }}

{{/* How log-servers are asked: over TLS when services have certificates (config.security.tls_cert_file). */}}
{{- define "millrace.logScheme" -}}
{{- ternary "https" "http" (ne (dig "security" "tls_cert_file" "" .Values.config) "") }}
{{- end }}

{{/* Log-servers the api asks: one beside each pod of the groups whose pods have names. */}}
{{- define "millrace.logServerUrls" -}}
{{- $root := . }}
{{- $urls := list }}
{{- if .Values.logServer.enabled }}
{{- range .Values.workerGroups }}
{{- $group := include "millrace.workerGroup" (dict "root" $root "group" .) | fromYaml }}
{{- $name := printf "%s-worker-%s" (include "millrace.fullname" $root) .name }}
{{- if $group.persistence.enabled }}
{{- $most := ternary $group.keda.maxReplicaCount (ternary $group.hpa.maxReplicas $group.replicas $group.hpa.enabled) $group.keda.enabled }}
{{- range until (int $most) }}
{{- $urls = append $urls (printf "%s://%s-%d.%s:8795" (include "millrace.logScheme" $root) $name . $name) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- join "," $urls }}
{{- end }}
