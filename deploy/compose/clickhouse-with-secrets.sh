#!/bin/bash
# Passes the passwords in the secret files on to the server as the variables that users.d/actionlog.xml names.
set -euo pipefail
for role in admin writer reader eraser; do
  password=$(< "/run/secrets/clickhouse_${role}_password")
  if [[ ${#password} -lt 16 || $password == sample-* ]]; then
    echo "clickhouse: clickhouse_${role}_password is the sample, or shorter than 16 characters: run deploy/compose/make-secrets.sh" >&2
    exit 1
  fi
  export "ACTIONLOG_${role^^}_PASSWORD=$password"
done
exec /entrypoint.sh "$@"
