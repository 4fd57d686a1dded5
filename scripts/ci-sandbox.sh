#!/bin/sh
# Installs what the native sandboxes need on Debian and Ubuntu: bubblewrap, Python and the data libraries.
set -eu
as_root=""
[ "$(id -u)" = 0 ] || as_root=sudo
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -q
$as_root apt-get install -y -q --no-install-recommends \
  bubblewrap python3 python3-numpy python3-pandas python3-matplotlib
