#!/bin/sh
# Installs the Debian packages that suites look for: bubblewrap, Python and the data libraries for the native sandboxes,
# PHP and Ruby for the clients, tesseract and poppler for scanned pages.
set -eu
as_root=""
[ "$(id -u)" = 0 ] || as_root=sudo
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -q
$as_root apt-get install -y -q --no-install-recommends \
  bubblewrap python3 python3-numpy python3-pandas python3-matplotlib \
  php-cli php-curl ruby tesseract-ocr poppler-utils
