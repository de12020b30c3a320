#!/bin/sh
# Lets the two centers hold each other's documents: each gives the other an API key of role partner, before their servers start. What
# is there and lives stays; where a database is new, its center's old key is nothing, and another one is made.
set -eu
umask 077
homes=${HOMES:-/servers} secrets=${SECRETS:-/run/secrets}
at() {
  center=$1
  shift
  GREENLANE_HOME="$homes/$center" GREENLANE_DATABASE_URL_FILE="$secrets/${center}_database_url" greenlane "$@"
}
lives() {
  [ -s "$2" ] && at "$1" keys list --center "$1" | grep -q "^$(cut -d _ -f 2 "$2")  $1  partner  -  live  "
}
give() {
  key=$homes/$2/partners/$1.key
  mkdir -p "$homes/$2/partners"
  if ! lives "$1" "$key"; then
    rm -f "$key"
    at "$1" keys create --center "$1" --role partner --label "$2" --output "$key"
  fi
  [ -e "$homes/$2/partners.toml" ] || cat > "$homes/$2/partners.toml" <<TOML
[[partner]]
center = "$1"
url = "http://api-$1:8600"
token_file = "partners/$1.key"
TOML
}
give lima tianjin
give tianjin lima
