#!/usr/bin/env bash
# Installs the engine into a directory of its own: at the version that was asked for, or as it stands beside this action,
# with the dependencies that locks/run.txt names. Later steps find `catalog` on their PATH, and no other program of it.
set -euo pipefail

python=${ENGINE_PYTHON:-python3}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
home=$RUNNER_TEMP/catalog-engine

if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
  echo "::error title=catalog::Python 3.11 or newer is needed: run actions/setup-python first, or name one with \`python\`."
  exit 2
fi
if [[ -n ${ENGINE_VERSION:-} && ! $ENGINE_VERSION =~ ^[0-9]+(\.[0-9]+)*((a|b|rc|\.dev|\.post)[0-9]+)*$ ]]; then
  echo "::error title=catalog::\`version\` is a version such as 1.2.0."
  exit 2
fi

"$python" -m venv "$home"
pip=("$home/bin/python" -m pip --disable-pip-version-check install --quiet)
if [[ -n ${ENGINE_VERSION:-} ]]; then
  "${pip[@]}" "llm-catalog-engine==$ENGINE_VERSION"
else
  "${pip[@]}" --require-hashes --no-deps --requirement "$here/locks/run.txt"
  "${pip[@]}" --no-deps "$here"
fi

mkdir -p "$home/path"
ln -sf "$home/bin/catalog" "$home/path/catalog"
echo "$home/path" >> "$GITHUB_PATH"
echo "python=$home/bin/python" >> "$GITHUB_OUTPUT"
