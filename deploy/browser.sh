#!/usr/bin/env bash
# A Chromium for the end-to-end tests: Playwright's own where there is one, else Debian's.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
if .venv/bin/python - <<'PY'
import os, sys
from playwright.sync_api import sync_playwright
with sync_playwright() as p:
    sys.exit(0 if os.path.exists(p.chromium.executable_path) else 1)
PY
then exit 0; fi
command -v chromium >/dev/null || bash "$here/apt.sh" chromium fonts-noto-core
