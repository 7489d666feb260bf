#!/bin/sh
# Puts standard input into a Maildir: deliver.sh DIR
name="$(date +%s%N).$$"
cat > "$1/tmp/$name" && mv "$1/tmp/$name" "$1/new/$name"
