#!/bin/sh
# One database and one role for each center; run by PostgreSQL's image when its data folder is new.
set -eu
for center in tianjin lima; do
  psql --set ON_ERROR_STOP=1 --username postgres --set center="$center" --set password="$(cat "/run/secrets/${center}_database_password")" <<'SQL'
CREATE ROLE :"center" LOGIN PASSWORD :'password';
CREATE DATABASE :"center" OWNER :"center" ENCODING 'UTF8';
REVOKE ALL ON DATABASE :"center" FROM PUBLIC;
SQL
done
