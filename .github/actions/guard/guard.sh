#!/usr/bin/env bash
# What the guard does, apart from GitHub: install this very version of lostproof in a virtualenv of its own, check, replay.
# Inputs come through the environment (action.yml), so that nothing in them is ever read as a command.
set -euo pipefail

home=$(cd "${GITHUB_ACTION_PATH:?}/../../.." && pwd)
reports=${LOSTPROOF_REPORTS:?}
venv=${RUNNER_TEMP:?}/lostproof-venv

python3 -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check "$home"

# `read -a` splits at blanks and expands nothing. To the bash of macOS (3.2) an empty array is unbound, hence `${name[@]+…}`.
read -r -a revisions <<<"${LOSTPROOF_REVISIONS:-}"
read -r -a properties <<<"${LOSTPROOF_PROPERTIES:-}"
read -r -a scenarios <<<"${LOSTPROOF_SCENARIOS:-}"

arguments=(--bounds "${LOSTPROOF_BOUNDS:?}")
if [[ -n ${LOSTPROOF_RULE:-} ]]; then arguments+=(--rule "$LOSTPROOF_RULE"); fi
if [[ -n ${LOSTPROOF_BASE:-} ]]; then arguments+=(--base "$LOSTPROOF_BASE"); fi
for property in ${properties[@]+"${properties[@]}"}; do arguments+=(--property "$property"); done

mkdir -p "$reports"
code=0
"$venv/bin/lostproof" check ${revisions[@]+"${revisions[@]}"} "${arguments[@]}" --github --save "$reports/races" \
  --sarif "$reports/lostproof.sarif" --junit "$reports/lostproof.junit.xml" || code=$?
if [[ ${#scenarios[@]} -gt 0 ]]; then
  replayed=0
  "$venv/bin/lostproof" run ${scenarios[@]+"${scenarios[@]}"} --github --junit "$reports/scenarios.junit.xml" || replayed=$?
  if [[ $code -eq 0 ]]; then code=$replayed; fi
fi

{
  echo "exit-code=$code"
  echo "sarif=$reports/lostproof.sarif"
  echo "reports=$reports"
} >>"${GITHUB_OUTPUT:?}"
exit "$code"
