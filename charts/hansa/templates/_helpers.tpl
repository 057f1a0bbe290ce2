{{- define "hansa.name" -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "hansa.labels" -}}
app.kubernetes.io/name: hansa
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end -}}

{{- define "hansa.selector" -}}
app.kubernetes.io/name: hansa
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: node
{{- end -}}

{{- define "hansa.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{/* What every container may do: nothing but read the image and what is mounted for it. */}}
{{- define "hansa.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{/* What every pod has in common. Kubernetes would give each container variables named after the
     services beside it, HANSA_SERVICE_HOST too, and hansa refuses HANSA_* that it does not know. */}}
{{- define "hansa.pod" -}}
enableServiceLinks: false
automountServiceAccountToken: false
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* The configuration: what the chart knows, and what `config` adds to its sections. Called with
     the root context and the properties that lie over those of `kafka`. */}}
{{- define "hansa.config" -}}
{{- $values := .root.Values -}}
{{- $ledgers := list -}}
{{- range $values.ledgers -}}
{{- $file := printf "/run/hansa/keys/%s.key" (replace "/" "-" .ledger) -}}
{{- $ledgers = append $ledgers (merge (dict "key_file" $file) .) -}}
{{- end -}}
{{- $kafka := dict "bootstrap" $values.kafka.bootstrap -}}
{{- with merge (dict) .properties $values.kafka.properties -}}
{{- $properties := dict -}}
{{- range $name, $value := . -}}
{{- $_ := set $properties $name (toString $value) -}}
{{- end -}}
{{- $_ := set $kafka "properties" $properties -}}
{{- end -}}
{{- $tls := dig "http" "tls" (dict) $values.config -}}
{{- if ne (hasKey $tls "certificate") (eq $values.service.scheme "HTTPS") -}}
{{- fail "service.scheme: expected HTTPS with config.http.tls.certificate, HTTP without it" -}}
{{- end -}}
{{- if hasKey $tls "caller_authorities" -}}
{{- fail (print "config.http.tls.caller_authorities: the cluster's probes have no certificate to "
      "show; let a proxy in front ask callers for theirs") -}}
{{- end -}}
{{- $http := dict "listen" (printf "0.0.0.0:%d" (int $values.service.port)) -}}
{{- if eq $values.service.scheme "HTTP" -}}
{{- $_ := set $http "allow_plain" true -}}
{{- end -}}
{{- $metrics := dict "listen" (printf "0.0.0.0:%d" (int $values.service.metricsPort)) -}}
{{- $made := dict "node" (dict "data_dir" "/data") "log" (dict "kind" "kafka" "kafka" $kafka)
      "http" $http "metrics" $metrics "ledgers" $ledgers
      "access" (dict "api_keys" $values.apiKeys) -}}
{{- toYaml (merge $made (deepCopy $values.config)) -}}
{{- end -}}

{{/* Mounts and volumes of a container that reads the configuration. Called with the secrets. */}}
{{- define "hansa.mounts" -}}
- {name: config, mountPath: /etc/hansa/config, readOnly: true}
{{- range . }}
- {name: secret-{{ . | replace "." "-" }}, mountPath: /etc/hansa/secrets/{{ . }}, readOnly: true}
{{- end }}
- {name: tmp, mountPath: /tmp}
{{- end -}}

{{- define "hansa.volumes" -}}
- name: tmp
  emptyDir: {sizeLimit: 64Mi}
{{- range . }}
- name: secret-{{ . | replace "." "-" }}
  secret: {secretName: {{ . }}, defaultMode: 0440}
{{- end }}
{{- end -}}
