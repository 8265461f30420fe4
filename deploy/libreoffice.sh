#!/usr/bin/env bash
# LibreOffice Calc without a desktop (90 MB to download, 276 MB installed), for the tests that open our
# workbooks as offices do. Where it cannot be had, those tests are skipped and say so.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
command -v soffice >/dev/null && exit 0
timeout 600 bash "$here/apt.sh" libreoffice-calc-nogui ||
  echo "LibreOffice could not be installed: the tests that open workbooks in it will be skipped." >&2
