#!/usr/bin/env bash
# conform_test.sh FLATC SCHEMAS RELEASED: each schema of RELEASED is still there and conforms; and changes that must not be
# are refused, so that a flatc that checks nothing would be noticed.
set -euo pipefail
flatc=$1 schemas=$2 released=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

conforms() {  # conforms DIRECTORY FILE
  "$flatc" --conform "$released/$2" --conform-includes "$released" -I "$1" "$1/$2" >"$work/log" 2>&1
}

count=0
for old in "$released"/*.fbs; do
  name=$(basename "$old")
  [ -f "$schemas/$name" ] || { echo "FAILED: $name was released and is gone"; exit 1; }
  conforms "$schemas" "$name" || { echo "FAILED: $name does not conform to $old"; cat "$work/log"; exit 1; }
  count=$((count + 1))
done
[ "$count" -gt 0 ] || { echo "FAILED: no schema in $released"; exit 1; }

refused() {  # refused WHAT FILE SED-EXPRESSION
  rm -rf "$work/changed"
  mkdir "$work/changed"
  cp "$released"/*.fbs "$work/changed/"
  sed -i "$3" "$work/changed/$2"
  if cmp -s "$work/changed/$2" "$released/$2"; then echo "FAILED: '$1' changes nothing"; exit 1; fi
  if conforms "$work/changed" "$2"; then echo "FAILED: '$1' is let through"; exit 1; fi
}
refused "a field removed"          node_events.fbs 's/^  slot:Slot;$//'
refused "another type of a field"  messages.fbs    's/^  epoch:ulong;$/  epoch:uint;/'
refused "an enum's number changed" types.fbs       's/^  superseded,$/  inserted,\n  superseded,/'
refused "union members swapped"    envelope.fbs    's/AgentStarted, BootCleared,/BootCleared, AgentStarted,/'
refused "a default changed"        messages.fbs    's/^  online:bool;$/  online:bool = true;/'
echo "ok: $count schemas conform to $released"
