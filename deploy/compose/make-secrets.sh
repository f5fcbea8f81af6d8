#!/bin/sh
# Makes a random password for each secret of compose.yaml that has none yet, in the folder that compose.yaml reads:
# $ACTIONLOG_SECRETS, else deploy/compose/secrets (git ignores it).
set -eu
cd "$(dirname "$0")"
folder=${ACTIONLOG_SECRETS:-secrets}
umask 077
mkdir -p "$folder"
chmod 700 "$folder" # others are kept out here; the files are read by the users inside the containers
for sample in secrets.sample/*; do
  file="$folder/$(basename "$sample")"
  [ -s "$file" ] || head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n' > "$file"
  chmod 644 "$file"
done
echo "secrets are in $folder"
