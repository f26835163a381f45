#!/usr/bin/env bash
# All that one GPU can settle of model/, in some eleven minutes on an H100: PASS or FAIL a step, and results.json.
#
#     python -m beam_jobs.build_cc100                       # before, on any machine: makes cc100-sample/shards
#     benchmarks/gpu.sh cc100-sample/shards OUT [STEP...]   # all steps, or those that are named
#
# OUT gets a log a step, what the steps measured as JSON, and all of it together in results.json, with the goals of
# docs/design.md. A step that fails does not end the script; the exit status is then 1. It takes the extra `bench`,
# pytest, and gcc; PYTHON names another interpreter than python3. Without CUDA all steps run at a toy size, which proves
# the script and measures nothing.
set -u
self=$(realpath "$0")
if [ $# -lt 2 ]; then
  sed -n '2,/^set/s/^# \{0,1\}//p' "$self" >&2
  exit 2
fi
py=${PYTHON:-python3} out=$(realpath -m "$2") data=$(realpath -e "$1") || exit 2
shift 2
chosen=" $* " known=$(sed -nE 's/^  (step|speed) ([a-z_-]+) .*/\2/p' "$self")
for name; do
  grep -qx -- "$name" <<<"$known" || { echo "no step $name; there are" $known >&2; exit 2; }
done
cd "$(dirname "$self")/.." || exit 2
"$py" -c 'import torch' >/dev/null || { echo "$py has no torch; PYTHON names one that has" >&2; exit 2; }
mkdir -p "$out" && : >"$out/steps.tsv" || exit 2
export PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}" PYTHONUNBUFFERED=1

# step NAME SECONDS COMMAND...: what a step leaves to others lies in OUT/NAME, its figures in OUT/NAME.json.
step() {
  local name=$1 limit=$2 begun=$SECONDS word=PASS status
  shift 2
  case $chosen in "  " | *" $name "*) ;; *) return ;; esac
  rm -rf "${out:?}/$name" "$out/$name.json"
  timeout -k 10 $((limit * patience)) "$@" >"$out/$name.log" 2>&1 </dev/null
  status=$?
  [ $status = 0 ] || word=FAIL
  printf '%s\t%s\t%s\n' "$name" $status $((SECONDS - begun)) >>"$out/steps.tsv"
  echo "$word $name ($((SECONDS - begun)) s, status $status): $(tail -n 1 "$out/$name.log" | cut -c 1-200)"
}

speed() { # speed NAME SECONDS FLAG...
  local name=$1 limit=$2
  shift 2
  step "$name" "$limit" "$py" benchmarks/pretrain.py --rounds 1 --json "$out/$name.json" "$@"
}

if "$py" -c 'import sys, torch; sys.exit(not torch.cuda.is_available())'; then
  small= patience=1
  tiny="--size tiny --steps 120 --save_every 40 --micro_batch 8" kill=50 ask=100 again=--compile
  huge="--size base --micro_batch 1024 --batch_size 1024 --steps 20 --warmup 1 --min_tokens 1"
  base="--size base --batch_sizes 128 --programs ours" compiled="--modes compile" trainer="--batch_sizes 32"
  many="--warmup 20 --steps 100" few="--warmup 5 --steps 20" some="--warmup 1 --steps 5 --micros 8"
else
  small=yes patience=5 # of a machine that does other things, too
  tiny="--size tiny --steps 12 --save_every 4 --micro_batch 1 --batch_size 4 --warmup 1 --log_every 1 --layers 1
    --hidden 16 --heads 1 --ffn 16 --seq_length 16 --max_length 16 --validation_blocks 1" kill=6 ask=10 again=--no-compile
  huge="--size tiny --ffn 4000000000"
  base="--size tiny --batch_sizes 4 --programs ours --seq_length 32 --threads 1 --one_process" compiled= trainer=
  many="--warmup 1 --steps 5" few=$many some="$many --micros 2"
fi
tiny="$tiny --precision bf16"
made="--vocab $out/tiny/vocab --encoded $out/tiny/encoded"

right() { # Is it right? What measures nothing runs side by side.
  step versions 60 "$py" benchmarks/gpu/versions.py
  step attention 60 "$py" benchmarks/gpu/attention.py --json "$out/attention.json"
  step tests 120 "$py" -m pytest --noconftest -q -p no:cacheprovider tests/model/test_cuda.py &
  step tiny 150 "$py" -m model.pretrain --data "$data" --output "$out/tiny" $tiny --compile
  step stopped 150 "$py" benchmarks/gpu/stopped.py --kill_at $kill --ask_at $ask --like "$out/tiny" -- \
    --output "$out/stopped" $made $tiny $again &
  step two-ranks 150 "$py" benchmarks/gpu/two_ranks.py --like "$out/tiny" -- \
    --output "$out/two-ranks" $made $tiny --compile &
  step export 60 "$py" -m model.export --run "$out/tiny" --output "$out/export"
  step logits 60 "$py" benchmarks/gpu/logits.py "$out/export"
  step fill_mask 60 "$py" -m model.fill_mask --run "$out/tiny" "One <mask> the most."
  wait
  step no-memory 60 "$py" benchmarks/gpu/no_memory.py -- --output "$out/no-memory" $made $huge --precision bf16
}

fast() { # Is it fast?
  step loss 60 "$py" benchmarks/gpu/loss.py --json "$out/loss.json"
  speed base 200 $base $compiled $many --profile
  speed micros 120 $base $compiled $some
  speed no-attention-dropout 120 $base $compiled $few --attention_dropout 0
  speed bf16-residual 120 $base $compiled $few --precision bf16_residual
  speed eager 60 $base $few
  speed trainer 150 $base $few $trainer --programs ours Trainer Trainer-masked
  speed trainer-compiled 150 $base $compiled $few $trainer --programs Trainer-masked
}

if [ $small ]; then
  right & # side by side: times mean nothing here
  fast
  wait
else
  right
  fast
fi
"$py" benchmarks/gpu/collect.py "$out"
