#!/bin/sh
# Makes what the network of docker-compose.yml starts from: keys, genesis, configurations, secrets. What is there already stays.
set -eu
umask 077
[ -w "$GREENLANE_HOME" ] || {
  printf 'found: %s cannot be written as user %s. On the host: mkdir -p var/network, and export NETWORK_OWNER="$(id -u):$(id -g)".\n' "$GREENLANE_HOME" "$(id -u)" >&2
  exit 2
}
# The passwords in it are read through mounts of single files; nobody else on this machine may come this far.
chmod 0700 "$GREENLANE_HOME"
greenlane-node init containers
secrets=$GREENLANE_HOME/secrets
mkdir -p "$secrets" "$GREENLANE_HOME/proxy"
fresh() { [ -e "$secrets/$1" ] || { head -c 24 /dev/urandom | od -An -v -tx1 | tr -d ' \n' > "$secrets/$1.new" && mv "$secrets/$1.new" "$secrets/$1"; }; }
fresh postgres_password
fresh grafana_password
for center in tianjin lima; do
  fresh "${center}_database_password"
  printf 'postgresql+psycopg://%s:%s@postgres/%s\n' "$center" "$(cat "$secrets/${center}_database_password")" "$center" > "$secrets/${center}_database_url"
done
# PostgreSQL and Grafana run as users of their own, and each reads its secrets from here through a mount of that one file.
chmod 0711 "$secrets"
chmod 0444 "$secrets"/*_password
printf 'The network is founded in %s. Next: docker compose --profile network up --build --wait\n' "$GREENLANE_HOME"
