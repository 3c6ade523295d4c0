#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# fuzz.sh BUILD SECONDS: the fuzz targets of BUILD side by side, as TAP
#
# They begin with what the model draws, and with what earlier runs have found, in
# BUILD/corpus. An input that fails is left in BUILD/found.
set -u

build=$1 seconds=$2
declare -A pid length=([offset_alloc_fuzz]=1024 [offset_alloc_fuzz_load]=2048)
declare -A seeds=([offset_alloc_fuzz]=ops [offset_alloc_fuzz_load]=load)
number=0 bad=0

cd "$build" || exit
mkdir -p seeds/ops seeds/load corpus/ops corpus/load found
./offset_alloc_model --seeds seeds || exit

for target in "${!length[@]}"; do
	kind=${seeds[$target]}
	[ -x "$target" ] || continue
	"./$target" -max_total_time="$seconds" -max_len="${length[$target]}" -timeout=60 \
		-rss_limit_mb=4096 -print_final_stats=1 -artifact_prefix="found/$kind-" \
		"corpus/$kind" "seeds/$kind" >"$target.log" 2>&1 &
	pid[$target]=$!
done

echo "TAP version 13"
echo "1..${#length[@]}"
for target in "${!length[@]}"; do
	number=$((number + 1))
	if [ -z "${pid[$target]:-}" ]; then
		echo "not ok $number $target: not built, for want of clang with libFuzzer"
		bad=1
	elif wait "${pid[$target]}"; then
		runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$target.log")
		cover=$(sed -n 's/^#.* cov: \([0-9]*\).*/\1/p' "$target.log" | tail -n 1)
		echo "ok $number $target: $runs inputs in $seconds s, $cover edges"
	else
		tail -n 60 "$target.log" | sed 's/^/# /'
		echo "not ok $number $target: see $build/found"
		bad=1
	fi
done
exit $bad
