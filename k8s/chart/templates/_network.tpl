{{- define "millrace.dns" -}}
- ports: [{ port: 53, protocol: UDP }, { port: 53, protocol: TCP }]
{{- end }}
{{- define "millrace.scrape" -}}
- ports: [{ port: {{ .port }}, protocol: TCP }]
  {{- with .root.Values.networkPolicies.metricsFrom }}
  from:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
{{- define "millrace.peer" -}}
podSelector: { matchLabels: { app.kubernetes.io/name: millrace, app.kubernetes.io/instance: {{ .root.Release.Name }}, app.kubernetes.io/component: {{ .component }} } }
{{- end }}
{{- define "millrace.backends" -}}
# Database, broker, Redis, wherever they are: by port.
- ports: [{ port: 5432, protocol: TCP }, { port: 6432, protocol: TCP }, { port: 5671, protocol: TCP }, { port: 5672, protocol: TCP }, { port: 6379, protocol: TCP }, { port: 6380, protocol: TCP }]
# Traces.
- ports: [{ port: 4317, protocol: TCP }, { port: 4318, protocol: TCP }]
{{- end }}
