#!/usr/bin/env bash
# Makes deploy/compose/secrets/* and .env, once; what is there stays.
set -euo pipefail
cd "$(dirname "$0")"
umask 077
mkdir -p secrets
random() { od -An -tx1 -N"$1" /dev/urandom | tr -d ' \n'; }
keep() { [ -s "secrets/$1" ] || printf %s "$2" > "secrets/$1"; }
keep internal_token "$(random 24)"
keep admin_password "$(random 8)"
keep database_password "$(random 16)"
keep broker_password "$(random 16)"
keep s3_secret "$(random 16)"
keep database_url "postgres://millrace:$(cat secrets/database_password)@postgres:5432/millrace"
keep broker_url "amqp://millrace:$(cat secrets/broker_password)@rabbitmq:5672/millrace"
# Read by the services' uid, 10001, which is not yours: compose mounts files as they are.
chmod 644 secrets/internal_token secrets/admin_password secrets/database_password secrets/database_url secrets/broker_url
chmod 711 secrets
printf 'RABBITMQ_PASSWORD=%s\nS3_SECRET=%s\n' "$(cat secrets/broker_password)" "$(cat secrets/s3_secret)" > .env
echo "user admin has the password of deploy/compose/secrets/admin_password"
