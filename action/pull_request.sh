#!/usr/bin/env bash
# What action.yml does: check the model, compare it with the base branch, comment both.
# The exit code is that of the check.
set -euo pipefail
export PYTHONIOENCODING=utf-8

command -v cnnshape >/dev/null || {
  echo "::error::cnnshape is not installed: pip install cnnshape in a step before this one"
  exit 2
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

model=("$MODEL")
while IFS= read -r line; do
  if [ -n "$line" ]; then model+=(-i "$line"); fi
done <<<"$INPUTS"

# ---- check: annotations for GitHub on stdout, which the comment quotes as well

check=("${model[@]}" -f github)
if [ -n "${CHECK//[[:space:]]/}" ]; then
  # xargs knows quotes as a shell does, and expands nothing.
  words=$(xargs printf '%s\n' <<<"$CHECK")
  while IFS= read -r word; do check+=("$word"); done <<<"$words"
fi
status=0
cnnshape check "${check[@]}" >"$work/check" 2>"$work/why" || status=$?
cat "$work/check"
cat "$work/why" >&2

# ---- compare with the branch that the pull request goes to

if [ "$COMPARE" = true ] && [ -n "$BASE" ]; then
  # A model that is new has nothing to be compared with, which is no failure: it is told.
  {
    git fetch --quiet --depth=1 origin "+refs/heads/$BASE:refs/remotes/origin/$BASE" &&
      cnnshape compare "$MODEL@origin/$BASE" "${model[@]}" -f markdown
  } >"$work/compare" 2>&1 || true
fi

# ---- the comment

quoted() {
  echo '```text'
  sed -e 's/```/` ` `/g'
  echo '```'
}

# Hexadecimal digits alone: they stand in a query below.
mark="<!-- cnnshape $(printf %s "$MODEL" | git hash-object --stdin) -->"
{
  echo "$mark"
  echo "### cnnshape check"
  {
    printf '%s\n' "$MODEL"
    sed -E -e 's/^::[a-z]+ ([^:]*,)?title=([^:]*)::/\2: /' \
      -e 's/%2C/,/g; s/%3A/:/g; s/%0D//g; s/%0A/ /g; s/%25/%/g' "$work/check"
    cat "$work/why"
  } | quoted
} >"$work/comment"
cp "$work/comment" "$work/whole"
if [ -s "$work/compare" ]; then
  { echo "### cnnshape compare"; cat "$work/compare"; } >>"$work/whole"
  # GitHub takes 65,536 characters.
  if [ "$(wc -c <"$work/whole")" -lt 60000 ]; then
    cp "$work/whole" "$work/comment"
  else
    echo "The comparison is too long for a comment: see the summary of the job." >>"$work/comment"
  fi
fi
cat "$work/whole" >>"${GITHUB_STEP_SUMMARY:-/dev/null}"

renew() {
  local comments="repos/$GITHUB_REPOSITORY/issues" earlier
  earlier=$(gh api --paginate "$comments/$NUMBER/comments" \
    --jq ".[] | select(.body | startswith(\"$mark\")) | .id") || return 1
  earlier=${earlier%%$'\n'*}
  if [ -n "$earlier" ]; then
    gh api --method PATCH "$comments/comments/$earlier" -F "body=@$work/comment" >/dev/null
  else
    gh api --method POST "$comments/$NUMBER/comments" -F "body=@$work/comment" >/dev/null
  fi
}
if [ -n "$NUMBER" ]; then
  # The token of a pull request from a fork may only read.
  renew || echo "::warning::the comment could not be written: see the summary of the job"
fi
exit "$status"
